"""Requests full of nonsense and malice, and how they are refused: the field named, nothing changed.

What is compared is everything both databases hold, once for a whole group of requests.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from werkzeug.test import TestResponse

from tests.blueprints.api_helpers import JSON, dish_fields, order_for, raw_json
from tests.blueprints.two_store_apps import SECRET, TwoStoreApp
from tests.cases import every_case

UNKNOWN_ID = "01a1fd5b-738a-7340-82a6-7288b9785b65"
MAX_BODY_SIZE = 200_000
"""What fits into one request beside the rest of its body."""
TELLTALES = (
    SECRET,
    "Traceback",
    "site-packages",
    "psycopg",
    "pymongo",
    "mongodb://",
    "postgresql://",
    "127.0.0.1",
    "SELECT ",
    "INSERT ",
    "E11000",
    "duplicate key value",
    "Error(",
)

ROUTES = {
    "place": ("POST", "/api/orders"),
    "add": ("POST", "/api/menu/items"),
    "add category": ("POST", "/api/menu/categories"),
    "change category": ("PATCH", "/api/menu/categories/{category}"),
    "change": ("PATCH", "/api/menu/items/{item}"),
    "86": ("PUT", "/api/menu/items/{item}/availability"),
    "stock": ("PUT", "/api/menu/items/{item}/stock"),
    "move": ("PATCH", "/api/orders/{order}/status"),
    "cancel": ("POST", "/api/orders/{order}/cancel"),
    "change customer": ("PATCH", "/api/customers/{customer}"),
    "change profile": ("PATCH", "/api/users/{user}/profile"),
    "resolve": ("POST", "/api/sync/conflicts/{conflict}/resolve"),
    "add server": ("POST", "/api/servers"),
    "change server": ("PATCH", "/api/servers/{server}"),
    "join server": ("POST", "/api/servers/join"),
    "add channel": ("POST", "/api/servers/{server}/channels"),
    "change channel": ("PATCH", "/api/servers/{server}/channels/{channel}"),
    "change member": ("PATCH", "/api/servers/{server}/members/{colleague}"),
    "open conversation": ("POST", "/api/conversations"),
    "say": ("POST", "/api/rooms/{room}/messages"),
    "edit message": ("PATCH", "/api/rooms/{room}/messages/{message}"),
    "read room": ("PUT", "/api/rooms/{room}/read"),
}

ATTACKS: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 5,
    "a float": 1.0,
    "a number as text": "1",
    "10^30": 10**30,
    "-10^30": -(10**30),
    "2^63": 2**63,
    "1e400": float("inf"),
    "-1": -1,
    "nothing": "",
    "blank": " ",
    "very long": "x" * 100_000,
    "NUL": "a\0b",
    "surrogate": "\ud800",
    "operator": {"$gt": ""},
    "operators": [{"$ne": 1}],
    "unknown field": {"$where": "sleep(1000)", "__proto__": {}},
    "10,000 entries": [1] * 10_000,
    "10,000 names": ["x"] * 10_000,
    "deep": json.loads("[" * 500 + "]" * 500),
}
TEXT = {"a number as text"}
ANY_TEXT = TEXT | {"nothing", "blank"}
NUMBER = {"a number"}
ITEM_FIELDS: dict[str, set[str]] = {
    "slug": TEXT,
    "name": TEXT,
    "description": ANY_TEXT,
    "category_id": set(),
    "position": NUMBER,
    "price": NUMBER,
    "tax_rate": NUMBER | {"null"},
    "dietary": set(),
    "dietary.0": TEXT,
    "allergens": set(),
    "allergens.0": TEXT,
    "option_groups": set(),
    "option_groups.0": set(),
    "option_groups.0.id": TEXT,
    "option_groups.0.name": TEXT,
    "option_groups.0.min": set(),
    "option_groups.0.max": set(),
    "option_groups.0.options": set(),
    "option_groups.0.options.0": set(),
    "option_groups.0.options.0.id": TEXT,
    "option_groups.0.options.0.name": TEXT,
    "option_groups.0.options.0.price": NUMBER | {"-1"},
    "station": TEXT,
    "hours": set(),
    "hours.0": set(),
    "hours.0.days": set(),
    "hours.0.days.0": set(),
    "hours.0.opens": set(),
    "hours.0.closes": set(),
    "available": {"true"},
}


def assert_refused(answer: TestResponse, *statuses: int) -> None:
    """`CheckedClient` has seen already that it is a well-formed problem."""
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    told = answer.text + str(answer.headers)
    assert not [telltale for telltale in TELLTALES if telltale in told]


def names_field(answer: TestResponse, field: str) -> bool:
    """Whether the answer blames the field itself, or something in it."""
    return any(f"{name}.".startswith(f"{field}.") for name in answer.json["errors"])


@contextmanager
def assert_nothing_changes(ground: TwoStoreApp) -> Iterator[None]:
    before = ground.content()
    yield
    assert ground.content() == before


def send(ground: TwoStoreApp, route: str, body: Any = None, **options: Any) -> TestResponse:
    """`body` as it is when it is bytes, else as JSON."""
    method, path = ROUTES[route]
    data = body if isinstance(body, bytes) else raw_json(body)
    options = {"content_type": JSON, **options}
    return ground.client.open(ground.path(path), method=method, data=data, **options)


def order_body(ground: TwoStoreApp, **fields: Any) -> dict[str, Any]:
    return order_for({"id": ground.ids["item"]}, **fields)


def full_item(**fields: Any) -> dict[str, Any]:
    options = [{"id": f"o{n}", "name": "One", "price": 0} for n in range(3)]
    group = {"id": "g", "name": "Group", "min": 0, "max": 1, "options": options}
    hours = {"days": ["mon"], "opens": "11:00", "closes": "15:00"}
    lists = {
        "dietary": ["vegan"],
        "allergens": ["nuts"],
        "option_groups": [group],
        "hours": [hours],
    }
    return dish_fields(description="", position=0, tax_rate=0, available=True, **lists) | fields


def with_value(body: Any, path: str, value: Any) -> Any:
    """The body with another value at `items.0.quantity` or the like, made where it is not."""
    return with_values(body, [path], value)


def with_values(body: Any, paths: Sequence[str], value: Any) -> Any:
    """The same value at several places."""
    body = copy.deepcopy(body)
    for path in paths:
        _put(body, path, value)
    return body


def _put(place: Any, path: str, value: Any) -> None:
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        place = place[step]
    if isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value


def attack(
    ground: TwoStoreApp,
    route: str,
    body: Any,
    fields: Mapping[str, set[str]],
) -> None:
    """All attacks on all fields; whatever is accepted is the business of other tests.

    Fields are attacked together, and alone where the answer does not name them.
    """
    with assert_nothing_changes(ground), every_case() as case:
        for name, value in ATTACKS.items():
            with case(route, name):
                attacked = [field for field, accepted in fields.items() if name not in accepted]
                for together in _batches(attacked, value):
                    for field in _unnamed_fields(ground, route, body, together, value):
                        assert not _unnamed_fields(ground, route, body, [field], value), field


def _unnamed_fields(
    ground: TwoStoreApp, route: str, body: Any, fields: Sequence[str], value: Any
) -> Sequence[str]:
    """Attacks the fields in one request, and says which of them the answer does not name. What is
    not even JSON is refused before anybody looks at fields."""
    answer = send(ground, route, with_values(body, fields, value))
    assert_refused(answer, 400, 422)
    if answer.status_code == 400:
        return ()
    return [field for field in fields if not names_field(answer, field)]


def _batches(fields: Sequence[str], value: Any) -> Iterator[Sequence[str]]:
    """Fields that do not contain one another, as many as fit into one body."""
    room = max(1, MAX_BODY_SIZE // len(raw_json(value)))
    by_depth = sorted(fields, key=_depth)
    for _, level in groupby(by_depth, key=_depth):
        beside = [*level]
        yield from (beside[start : start + room] for start in range(0, len(beside), room))


def _depth(field: str) -> int:
    return field.count(".")
