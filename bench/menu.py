"""How many times a second one process answers `GET /api/menu`, without a server in front of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient

from bench.ground import servers
from dinerapp.app import create_app
from dinerapp.testing import running

ITEMS, CATEGORIES = 100, 10
SECONDS = 3.0
ROUNDS = 3


def run() -> Iterator[tuple[str, str]]:
    """A menu of 100 items with 2 groups of 3 options: kept ready, and after each change."""
    with servers() as both, running(create_app(both.settings())) as app:
        client = app.test_client()
        item = _filled(client)
        etag = client.get("/api/menu").headers["ETag"]
        ways: dict[str, dict[str, str]] = {
            "plain": {},
            "compressed": {"Accept-Encoding": "gzip"},
            "304": {"If-None-Match": etag},
        }
        for way, headers in ways.items():
            yield f"GET /api/menu, {way}", f"{_rate(client, headers):,.0f} requests/s"
        yield "GET /api/menu after a change", f"{_after_a_change(client, item) * 1000:.1f} ms"


def _filled(client: FlaskClient) -> str:
    ids = [
        _added(client, "categories", {"slug": f"c-{number}", "name": f"Category {number}"})
        for number in range(CATEGORIES)
    ]
    return [_added(client, "items", _dish(n, ids[n % CATEGORIES])) for n in range(ITEMS)][-1]


def _dish(number: int, category_id: str) -> dict[str, Any]:
    options = [{"id": str(each), "name": "Large", "price": 100} for each in range(3)]
    groups = [
        {
            "id": name,
            "name": name,
            "options": [each | {"id": f"{name}-{each['id']}"} for each in options],
        }
        for name in ("Size", "Sauce")
    ]
    return {
        "slug": f"dish-{number}",
        "name": "Pelmeni",
        "description": "With sour cream and herbs, the way we like them at home",
        "category_id": category_id,
        "price": 950,
        "dietary": ["vegetarian"],
        "allergens": ["gluten", "milk"],
        "option_groups": groups,
    }


def _added(client: FlaskClient, what: str, fields: dict[str, Any]) -> str:
    answer = client.post(f"/api/menu/{what}", json=fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def _rate(client: FlaskClient, headers: dict[str, str]) -> float:
    """The median of some rounds."""
    return sorted(_round(client, headers) for _ in range(ROUNDS))[ROUNDS // 2]


def _round(client: FlaskClient, headers: dict[str, str]) -> float:
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        assert client.get("/api/menu", headers=headers).status_code in (200, 304)
        count += 1
    return count / (time.perf_counter() - began)


def _after_a_change(client: FlaskClient, item: str) -> float:
    taken = []
    for number in range(20):
        client.patch(f"/api/menu/items/{item}", json={"price": number})
        began = time.perf_counter()
        assert client.get("/api/menu").status_code == 200
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]
