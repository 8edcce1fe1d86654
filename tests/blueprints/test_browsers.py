"""What answers tell browsers and caches: to sniff, frame, keep and share nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from tests.blueprints.api_helpers import (
    add_dish,
    bearer,
    client_as,
    client_of,
    order_for,
    place_order,
)

OURS, OTHERS = "https://diner.example", "https://elsewhere.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def shared() -> Iterator[FlaskClient]:
    """An admin's, of an application whose pages are on another site."""
    with client_of(cors_origins=(OURS,)) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/api/menu", "/api/orders", "/api/nothing", "/openapi.json", "/docs", "/metrics"]
)
def test_nothing_is_sniffed_framed_or_told_to_others(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'self'" if path == "/docs" else "default-src 'none'")


def test_encryption_is_insisted_on_where_there_is_some(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/api/menu").headers
    encrypted = client.get("/api/menu", base_url="https://localhost")
    assert encrypted.headers["Strict-Transport-Security"].startswith("max-age=")


def test_what_is_personal_is_kept_by_nobody(client: FlaskClient) -> None:
    item = add_dish(client)
    order = place_order(client, order_for(item))
    guest = client_as(client.application, None)
    lookup = {"phone": order["customer"]["phone"], "code": order["code"]}
    answers = [
        guest.post("/api/orders", json=order_for(item)),
        guest.get(f"/api/orders/{order['id']}", headers=bearer(order["access_token"])),
        guest.get("/api/orders/lookup", query_string=lookup),
        guest.get("/api/auth/me"),
        client.get("/api/auth/me"),
        client.get("/api/orders"),
        client.get("/api/users"),
        client.get("/api/connections"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_the_menu_may_be_kept_and_asked_for_again(guests: FlaskClient) -> None:
    first = guests.get("/api/menu")
    again = guests.get("/api/menu", headers={"If-None-Match": first.headers["ETag"]})
    for answer, status in ((first, 200), (again, 304)):
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-cache")


def test_nothing_is_shared_with_other_sites_by_default(client: FlaskClient) -> None:
    for answer in (
        client.get("/api/menu", headers={"Origin": OTHERS}),
        client.options("/api/orders", headers={"Origin": OTHERS, **PREFLIGHT}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_site_that_the_settings_name_may_ask(shared: FlaskClient) -> None:
    for path, status in (("/api/menu", 200), ("/api/nothing", 404)):
        answer = shared.get(path, headers={"Origin": OURS})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, OURS)
        shown = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"ETag", "Location", "Idempotent-Replay", "Retry-After"} <= {*shown}
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_browser_is_told_beforehand_what_may_be_sent(shared: FlaskClient) -> None:
    answer = shared.options("/api/orders", headers={"Origin": OURS, **PREFLIGHT})
    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    sent = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "Idempotency-Key", "If-Match"} <= {*sent}
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("origin", [OTHERS, f"{OURS}.evil.example", "null", "http://diner.example"])
def test_other_sites_are_still_told_nothing(shared: FlaskClient, origin: str) -> None:
    for answer in (
        shared.get("/api/menu", headers={"Origin": origin}),
        shared.options("/api/orders", headers={"Origin": origin, **PREFLIGHT}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_every_site_may_ask_where_that_is_wanted() -> None:
    with client_of(role=Role.ADMIN, cors_origins=("*",)) as client:
        answer = client.get("/api/menu", headers={"Origin": OTHERS})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
