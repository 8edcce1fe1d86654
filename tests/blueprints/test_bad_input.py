"""Nonsense and malice: refused with the field named, and nothing changed, whoever is serving."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import JSON, WITH_THREADS, add_dish, order_for
from tests.blueprints.bad_inputs import (
    ANY_TEXT,
    ITEM_FIELDS,
    NUMBER,
    ROUTES,
    TEXT,
    UNKNOWN_ID,
    assert_nothing_changes,
    assert_refused,
    attack,
    full_item,
    order_body,
    send,
    with_value,
)
from tests.blueprints.two_store_apps import BOTH, MONGODB, POSTGRESQL, TwoStoreApp
from tests.cases import every_case

MALFORMED = {
    "not JSON": b"hello",
    "cut off": b'{"notes": "x',
    "trailing garbage": b"{} {}",
    "trailing comma": b'{"notes": "x",}',
    "single quotes": b"{'notes': 'x'}",
    "comment": b'{"notes": "x"} // y',
    "NaN": b'{"tip": NaN}',
    "Infinity": b'{"tip": -Infinity}',
    "a BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"notes": "x"}'.encode("utf-16"),
    "UTF-32": '{"notes": "x"}'.encode("utf-32"),
    "invalid UTF-8": b'{"notes": "\xff"}',
    "a raw surrogate": b'{"notes": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"notes": "\xc0\x80"}',
    "a raw NUL": b'{"notes": "a\x00b"}',
    "a raw line break": b'{"notes": "a\nb"}',
    "10,000 lists": b"[" * 10_000 + b"]" * 10_000,
    "10,000 objects": b'{"notes":' * 10_000 + b"1" + b"}" * 10_000,
    "100,000 open lists": b"[" * 100_000,
    "a duplicate key": b'{"reason": "x", "reason": "y"}',
    "a duplicate key within": b'{"customer": {"name": "x", "name": "y"}}',
    "a duplicate key in disguise": b'{"tip": 1, "\\u0074ip": 2}',
    "a surrogate as a key": b'{"\\ud800": 1}',
    "a very long key": b'{"' + b"x" * 10_000 + b'": 1}',
    "5,000 digits": b'{"tip": ' + b"1" * 5_000 + b"}",
    "blanks": b"   ",
}
TOP_LEVEL = (b"null", b"[]", b"[{}]", b"1", b"true", b'"{}"', b"1e400", b"-0")

ORDER_FIELDS: dict[str, set[str]] = {
    "customer": set(),
    "customer.name": TEXT,
    "customer.phone": set(),
    "customer.email": {"null"},
    "fulfilment": set(),
    "fulfilment.type": set(),
    "fulfilment.table": TEXT | {"null"},
    "fulfilment.address": TEXT | {"null"},
    "fulfilment.scheduled_for": {"null"},
    "items": set(),
    "items.0": set(),
    "items.0.item_id": set(),
    "items.0.quantity": NUMBER,
    "items.0.options": set(),
    "items.0.options.0": TEXT,
    "items.0.notes": ANY_TEXT | {"null"},
    "tip": NUMBER,
    "coupon": {"null"},
    "notes": ANY_TEXT | {"null"},
}
CATEGORY_FIELDS: dict[str, set[str]] = {
    "slug": TEXT,
    "name": TEXT,
    "description": ANY_TEXT,
    "position": NUMBER,
    "hours": set(),
    "hours.0.opens": set(),
}
MAY_BE_EMPTY = {
    "cancel",
    "change",
    "change category",
    "change customer",
    "change profile",
    "change server",
    "change channel",
}
SMALL_FIELDS: dict[str, dict[str, set[str]]] = {
    "86": {"available": {"true"}},
    "stock": {"stock": NUMBER | {"null"}},
    "move": {"status": set(), "reason": TEXT | {"null"}},
    "cancel": {"reason": TEXT | {"null"}},
    "resolve": {"take": set()},
    "change customer": {"name": TEXT, "email": {"null"}, "notes": ANY_TEXT},
    "change profile": {
        "display_name": TEXT,
        "avatar_url": {"null"},
        "bio": ANY_TEXT,
        "phone": {"null"},
        "preferences": set(),
        "preferences.dietary": set(),
        "preferences.allergens.0": TEXT,
        "preferences.language": {"null"},
    },
    "add server": {"name": TEXT, "image_url": {"null"}},
    "change server": {"name": TEXT, "image_url": {"null"}},
    "join server": {"code": set()},
    "add channel": {"name": TEXT},
    "change channel": {"name": TEXT},
    "change member": {"role": set()},
    "open conversation": {"user_id": set()},
    "say": {"content": TEXT, "file_url": {"null"}, "order_id": {"null"}},
    "edit message": {"content": TEXT},
    "read room": {"message_id": set()},
}
NO_TIMES = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2036-05-01",
    "2036-05-01T12:00:00",
    "2036-13-01T12:00:00Z",
    "2036-05-01T12:00:61Z",
    "2036-05-01T12:00:00+25:00",
    "2036-05-01T12:00:00Z\n",
    "12036-05-01T12:00:00Z",
    "٢036-05-01T12:00:00Z",
    "tomorrow",
    "1e9",
)
NO_ADDRESSES = (
    "a",
    "a@",
    "@b.de",
    "a@b",
    "a b@c.de",
    "a@b.de\n",
    "a@b.de\0",
    "\ud800@b.de",
    "a@\ud800.de",
)
NO_QUESTIONS = (
    *((f"limit={value}", "limit") for value in ("0", "-1", "201", "1e2", "1.0", "true", "")),
    *((f"limit={value}", "limit") for value in ("1_0", "%D9%A3", "%201", "9" * 5000, "%00")),
    ("limit=1&limit=2", "limit"),
    *((f"status={value}", "status") for value in ("", "nope", "PENDING", "%00", "pending%00")),
    ("status=pending&status=ready", "status"),
    ("status[$ne]=pending", "status[$ne]"),
    *((f"phone={value}", "phone") for value in ("", "1", "%00", "x" * 41, "%27%20OR%201=1")),
    *((f"since={value}", "since") for value in ("", "yesterday", "2036-05-01T12:00:00+02:00")),
    *((f"fulfilment={value}", "fulfilment") for value in ("", "drone", "{}")),
    *((f"cursor={value}", "cursor") for value in ("", "x", "%00", "%ff", "A" * 9000, "e30=")),
    ("colour=red", "colour"),
    ("$where=1", "$where"),
    ("%00=1", "\0"),
    ("=1", "the body"),
)
NO_CURSORS = (
    f"0001-01-01T00:00:00+14:00|{UNKNOWN_ID}",
    f"9999-12-31T23:59:59-14:00|{UNKNOWN_ID}",
    f"2036-05-01T12:00:00|{UNKNOWN_ID}",
    f"|{UNKNOWN_ID}",
    f"{UNKNOWN_ID}",
    "2036-05-01T12:00:00+00:00|",
    "2036-05-01T12:00:00+00:00|4711",
    "2036-05-01T12:00:00+00:00|' OR ''='",
    '{"$gt": ""}|{"$gt": ""}',
    "\0|\0",
)
NO_KEYS = (
    "",
    " ",
    "x" * 256,
    "a\x01b",
    "a\tb",
    "a\x7fb",
    "é",
    "ключ".encode().decode("latin-1"),
)
NO_VERSIONS = (
    "",
    '"',
    "rubbish",
    '""',
    '"p0m0n0"',
    "\xff",
    "x" * 9000,
    "$ne",
    '"*"',
    "\0",
    ",",
)
NO_LENGTHS = (
    ("-1", 422),
    ("abc", 422),
    ("", 422),
    ("1e3", 422),
    ("9" * 30, 413),
    ("300000", 413),
)
OTHER_KINDS = (
    None,
    "",
    "text/json",
    "application/jsonp",
    "multipart/form-data",
    "\xff",
    "application/xml",
)
NO_IDS = (
    "4711",
    "x" * 5000,
    "{}",
    "%00",
    "%ff",
    UNKNOWN_ID + "0",
    UNKNOWN_ID.replace("-", ""),
    "..%2f..",
    "$ne",
)
STRANGE_TEXTS = {
    "emoji": "🍕👩‍🍳🏳️‍🌈",
    "right to left": "\u202eשלם مرحبا\u202c",
    "combining": "Zalg\u0341o\u0300\u0316",
    "end of Unicode": "\U0010ffff\uffff\ufffd\ufeff",
    "controls": "\x01\x1f\x7f\x85\u2028\u2029\t\r\n.",
    "SQL": "'; DROP TABLE orders; --",
    "percent": "%s %(x)s {} {0} $1 :x \\ \\N \\x00",
    "operator": '{"$gt": ""}',
    "path": "$a.b.$c",
    "markup": "<script>alert('1')</script>&amp;\"",
    "spaces around": "  x\u00a0 ",
}


def test_what_is_not_json_is_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for what, body in MALFORMED.items():
            with case(what):
                for route in ROUTES:
                    assert_refused(send(ground, route, body), 400)


def test_a_body_that_is_no_object_is_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground):
        for route in ROUTES:
            for body in TOP_LEVEL:
                refused = send(ground, route, body)
                assert_refused(refused, 422)
                assert refused.json["errors"] == {"the body": ["must be an object"]}


def test_an_empty_body_is_an_empty_object(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground):
        for route in set(ROUTES) - MAY_BE_EMPTY:
            assert_refused(send(ground, route, b""), 422)


def test_no_field_of_an_order_takes_nonsense(ground: TwoStoreApp) -> None:
    attack(ground, "place", order_body(ground), ORDER_FIELDS)


@pytest.mark.parametrize("route", ["add", "change"])
def test_no_field_of_an_item_takes_nonsense(ground: TwoStoreApp, route: str) -> None:
    attack(ground, route, full_item(), ITEM_FIELDS)


def test_no_field_of_a_category_takes_nonsense(ground: TwoStoreApp) -> None:
    hours = [{"opens": "11:00", "closes": "15:00"}]
    body = {"slug": f"c-{uuid4().hex}", "name": "Soups", "hours": hours}
    attack(ground, "add category", body, CATEGORY_FIELDS)


@pytest.mark.parametrize("route", SMALL_FIELDS)
def test_no_field_of_the_smaller_requests_takes_nonsense(ground: TwoStoreApp, route: str) -> None:
    bodies: dict[str, Any] = {
        "move": {"status": "confirmed"},
        "change profile": {"preferences": {"allergens": []}},
        "add server": {"name": "Diner"},
    }
    attack(ground, route, bodies.get(route, {}), SMALL_FIELDS[route])


def test_unknown_fields_are_refused(ground: TwoStoreApp) -> None:
    unknown = ("$where", "colour", "", "a.b", "__proto__", "ключ", "a\0b", "id")
    with assert_nothing_changes(ground):
        for route in ROUTES:
            refused = send(ground, route, dict.fromkeys(unknown, 1))
            assert_refused(refused, 422)
            blamed = {name or "the body" for name in unknown}
            assert blamed <= refused.json["errors"].keys(), (route, refused.text)


def test_times_that_are_none_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for moment in NO_TIMES:
            with case(repr(moment)[:100]):
                wanted = {"type": "pickup", "scheduled_for": moment}
                refused = send(ground, "place", order_body(ground, fulfilment=wanted))
                assert_refused(refused, 422)
                assert [*refused.json["errors"]] == ["fulfilment.scheduled_for"]
                refused = ground.client.get("/api/orders", query_string={"since": moment})
                assert_refused(refused, 422)
                assert [*refused.json["errors"]] == ["since"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_times_at_the_ends_of_the_calendar_are_times(ground: TwoStoreApp, moment: str) -> None:
    found = ground.client.get("/api/orders", query_string={"since": moment})
    assert found.status_code == 200


def test_mail_addresses_that_are_none_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for email in NO_ADDRESSES:
            with case(repr(email)[:100]):
                body = with_value(order_body(ground), "customer.email", email)
                refused = send(ground, "place", body)
                assert_refused(refused, 422)
                assert [*refused.json["errors"]] == ["customer.email"]


def test_questions_that_make_no_sense_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for query, field in NO_QUESTIONS:
            with case(repr(query)[:100]):
                refused = ground.client.get(f"/api/orders?{query}")
                assert_refused(refused, 422)
                assert [*refused.json["errors"]] == [field]


def test_made_up_cursors_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        own = ground.path("/api/customers/{customer}/orders")
        for plain in NO_CURSORS:
            with case(repr(plain)[:100]):
                cursor = urlsafe_b64encode(plain.encode()).decode()
                for path in ("/api/orders", "/api/sync/conflicts", "/api/customers", own):
                    refused = ground.client.get(path, query_string={"cursor": cursor})
                    assert_refused(refused, 422)
                    assert [*refused.json["errors"]] == ["cursor"]


def test_a_cursor_whose_record_is_gone_still_names_a_place(ground: TwoStoreApp) -> None:
    cursor = urlsafe_b64encode(f"2036-05-01T12:00:00+00:00|{UNKNOWN_ID}".encode()).decode()
    assert ground.client.get("/api/orders", query_string={"cursor": cursor}).status_code == 200


def test_idempotency_keys_that_are_none_are_refused(ground: TwoStoreApp) -> None:
    bodies = {
        "place": order_body(ground),
        "add": full_item(),
        "change": {"price": 1},
        "86": {"available": False},
        "stock": {"stock": 1},
        "move": {"status": "confirmed"},
        "cancel": {},
        "resolve": {"take": "keep"},
        "change customer": {"notes": "a"},
        "change profile": {"bio": "a"},
        "change server": {"name": "a"},
        "add channel": {"name": "a"},
        "change channel": {"name": "a"},
        "change member": {"role": "guest"},
        "join server": {"code": "a"},
        "open conversation": {"user_id": new_id()},
        "say": {"content": "a"},
        "edit message": {"content": "a"},
        "read room": {"message_id": new_id()},
    }
    with assert_nothing_changes(ground), every_case() as case:
        for key, (route, body) in product(NO_KEYS, bodies.items()):
            with case(repr(key)[:100], route):
                # As a server hands it over: the test client refuses to send such headers.
                given = {"HTTP_IDEMPOTENCY_KEY": key}
                refused = send(ground, route, body, environ_overrides=given)
                assert_refused(refused, 422)
                assert [*refused.json["errors"]] == ["Idempotency-Key"]


def test_rubbish_in_if_match_is_no_current_version(ground: TwoStoreApp) -> None:
    bodies = {
        "change": {"price": 1},
        "stock": {"stock": 1},
        "move": {"status": "confirmed"},
        "change customer": {"notes": "a"},
        "change profile": {"bio": "a"},
        "change server": {"name": "a"},
        "change channel": {"name": "a"},
        "change member": {"role": "guest"},
        "edit message": {"content": "a"},
    }
    asked = {**bodies, "cancel": {}}
    with assert_nothing_changes(ground), every_case() as case:
        for value, (route, body) in product(NO_VERSIONS, asked.items()):
            with case(repr(value)[:100], route):
                refused = send(ground, route, body, environ_overrides={"HTTP_IF_MATCH": value})
                assert_refused(refused, 412)
                assert refused.headers["ETag"].startswith('"p')


@pytest.mark.parametrize(
    "given",
    ["x\r\nSet-Cookie: a=b", "x\ny", "\0", "<script>", "x" * 101, "", "é", "a b", '","level":"'],
)
def test_a_request_id_cannot_smuggle_anything_in(ground: TwoStoreApp, given: str) -> None:
    answer = ground.client.get(
        f"/api/orders/{new_id()}", environ_overrides={"HTTP_X_REQUEST_ID": given}
    )
    assert_refused(answer, 404)
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 36
    assert "Set-Cookie" not in answer.headers


def test_absurd_lengths_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for length, status in NO_LENGTHS:
            with case(repr(length)[:100]):
                overrides = {"CONTENT_LENGTH": length}
                refused = send(ground, "place", order_body(ground), environ_overrides=overrides)
                assert_refused(refused, status)


def test_bodies_of_other_kinds_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for kind in OTHER_KINDS:
            with case(repr(kind)[:100]):
                assert_refused(send(ground, "place", order_body(ground), content_type=kind), 415)


def test_compressed_bodies_are_refused(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground):
        refused = send(ground, "place", b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"})
        assert_refused(refused, 400)


@pytest.mark.parametrize("accepted", ["text/plain", "*/*;q=0", "\xff", "x" * 9000])
def test_whatever_is_asked_for_is_answered_in_json(ground: TwoStoreApp, accepted: str) -> None:
    answer = ground.client.get("/api/menu", environ_overrides={"HTTP_ACCEPT": accepted})
    assert (answer.status_code, answer.content_type) == (200, JSON)


def test_ids_that_are_none_are_not_found(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground), every_case() as case:
        for record_id in NO_IDS:
            with case(repr(record_id)[:100]):
                for path in ("menu/items", "orders", "consistency/orders", "customers"):
                    assert_refused(ground.client.get(f"/api/{path}/{record_id}"), 404)
                assert_refused(ground.client.delete(f"/api/menu/items/{record_id}"), 404)
                assert_refused(ground.client.delete(f"/api/customers/{record_id}"), 404)
                assert_refused(ground.client.get(f"/api/users/{record_id}/profile"), 404)
                assert_refused(ground.client.post(f"/api/orders/{record_id}/cancel"), 404)


def test_unknown_ids_are_not_found(ground: TwoStoreApp) -> None:
    unknown = {name: new_id() for name in ground.ids}
    bodies = {
        "change": {"price": 1},
        "86": {"available": False},
        "stock": {"stock": 1},
        "move": {"status": "confirmed"},
        "cancel": {},
        "resolve": {"take": "keep"},
        "change customer": {"notes": "a"},
        "change profile": {"bio": "a"},
        "change server": {"name": "a"},
        "add channel": {"name": "a"},
        "change channel": {"name": "a"},
        "change member": {"role": "guest"},
        "say": {"content": "a"},
        "edit message": {"content": "a"},
        "read room": {"message_id": new_id()},
    }
    with assert_nothing_changes(ground):
        for route, body in bodies.items():
            method, path = ROUTES[route]
            path = path.format(**unknown)
            assert_refused(ground.client.open(path, method=method, json=body), 404)
            assert_refused(ground.client.open(path.upper().replace("/API", "/api")), 404, 405)
        assert_refused(ground.client.delete(f"/api/menu/items/{new_id()}"), 404)
        assert_refused(ground.client.delete(f"/api/customers/{new_id()}"), 404)
        assert_refused(ground.client.get(f"/api/menu/items/{new_id()}"), 404)
        assert_refused(ground.client.get(f"/api/orders/{new_id()}"), 404)
        for path in ("messages", "reads", "stream", f"messages/{new_id()}"):
            assert_refused(ground.client.get(f"/api/rooms/{new_id()}/{path}"), 404)


def test_items_and_options_that_are_not_there_cannot_be_ordered(ground: TwoStoreApp) -> None:
    body = order_body(ground)
    body["items"].append({"item_id": new_id(), "quantity": 1})
    with assert_nothing_changes(ground):
        refused = send(ground, "place", body)
        assert_refused(refused, 422)
        assert [*refused.json["errors"]] == ["items.1.item_id"]
        refused = send(ground, "place", order_body(ground, options=["cheese"]))
        assert_refused(refused, 422)
        assert [*refused.json["errors"]] == ["items.0.options"]


def test_more_than_there_is_cannot_be_ordered(ground: TwoStoreApp) -> None:
    with assert_nothing_changes(ground):
        body = order_body(ground)
        body["items"] *= 60
        assert_refused(send(ground, "place", body), 409)


def test_a_slug_that_is_taken_is_refused(ground: TwoStoreApp) -> None:
    slug = ground.client.get(ground.path("/api/menu/items/{item}")).json["slug"]
    with assert_nothing_changes(ground):
        refused = send(ground, "add", full_item(slug=slug))
        assert_refused(refused, 409)
        assert [*refused.json["errors"]] == ["slug"]


@pytest.mark.parametrize("what", STRANGE_TEXTS)
def test_strange_texts_come_back_unchanged(ground: TwoStoreApp, what: str) -> None:
    text = STRANGE_TEXTS[what]
    names = {"name": text, "station": text, "description": text, "dietary": [text]}
    item = add_dish(ground.client, **names)
    body = order_for(item, notes=text, fulfilment={"type": "dine_in", "table": text})
    body["customer"]["name"] = body["items"][0]["notes"] = text
    order = send(ground, "place", body).json
    read = ground.client.get(f"/api/orders/{order['id']}")
    assert read.headers["X-Diner-Store"] == {BOTH: POSTGRESQL}.get(ground.serving, ground.serving)
    assert (read.json["notes"], read.json["customer"]["name"]) == (text, text)
    assert read.json["fulfilment"]["table"] == text
    assert (read.json["items"][0]["name"], read.json["items"][0]["notes"]) == (text, text)
    read = ground.client.get(f"/api/menu/items/{item['id']}")
    assert read.headers["X-Diner-Store"] == {BOTH: MONGODB}.get(ground.serving, ground.serving)
    assert names.items() <= read.json.items()


def _values() -> st.SearchStrategy[Any]:
    text = st.text(max_size=30) | st.sampled_from(["\0", "\ud800", "$ne", "pickup", "dine_in"])
    number = st.integers() | st.integers(-1, 3) | st.just(10**30)
    plain = st.none() | st.booleans() | number | st.floats() | text | st.just(UNKNOWN_ID)
    names = text | st.sampled_from([*ORDER_FIELDS, *ITEM_FIELDS])
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=8,
    )


FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def fuzz(ground: TwoStoreApp, route: str, body: Any, changes: list[tuple[str, Any]]) -> None:
    for path, value in changes:
        try:
            body = with_value(body, path, value)
        except (LookupError, TypeError):
            continue
    answer = send(ground, route, body)
    if answer.status_code >= 400:
        assert_refused(answer, 400, 409, 422)


@WITH_THREADS
@FUZZ
@given(changes=st.lists(st.tuples(st.sampled_from([*ORDER_FIELDS]), _values()), max_size=3))
def test_no_order_breaks_anything(ground: TwoStoreApp, changes: list[tuple[str, Any]]) -> None:
    fuzz(ground, "place", order_body(ground, fulfilment={"type": "pickup"}), changes)


@WITH_THREADS
@FUZZ
@given(changes=st.lists(st.tuples(st.sampled_from([*ITEM_FIELDS]), _values()), max_size=3))
def test_no_change_of_an_item_breaks_anything(
    ground: TwoStoreApp, changes: list[tuple[str, Any]]
) -> None:
    fuzz(ground, "change", full_item(), changes)


def test_stores_are_compared_only_while_both_can_be_asked(ground: TwoStoreApp) -> None:
    paths = ("/api/consistency", ground.path("/api/consistency/orders/{order}"))
    for path in paths:
        answer = ground.client.get(path)
        assert answer.status_code == (200 if ground.serving == BOTH else 503)
        if ground.serving != BOTH:
            assert_refused(answer, 503)
            assert int(answer.headers["Retry-After"]) > 0


def test_after_all_that_everybody_is_still_served(ground: TwoStoreApp) -> None:
    before = ground.settled_content()
    item = add_dish(ground.client, stock=3)
    assert ground.content() != before
    order = send(ground, "place", order_for(item))
    assert order.status_code == 201
    assert ground.client.get(f"/api/menu/items/{item['id']}").json["stock"] == 2
    ground.settled_content()
