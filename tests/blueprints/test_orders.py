"""Orders as guests place them and staff move them along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from dinerapp.ordering.container import OrderingServices
from dinerapp.replication.identity import Operation, new_id, new_op_id
from tests.blueprints.api_helpers import (
    add_dish,
    bearer,
    client_of,
    dish_fields,
    idempotency_headers,
    order_for,
    place_order,
    services_of,
)

DINE_IN = {"type": "dine_in", "table": "12"}
GROUPS = [
    {
        "id": "size",
        "name": "Size",
        "min": 1,
        "max": 1,
        "options": [
            {"id": "small", "name": "Small", "price": -100},
            {"id": "large", "name": "Large", "price": 200},
        ],
    },
    {
        "id": "extras",
        "name": "Extras",
        "min": 0,
        "max": 2,
        "options": [{"id": f"extra-{n}", "name": f"Extra {n}", "price": 50} for n in range(3)],
    },
]


@pytest.fixture(scope="module")
def taxed_inside() -> Iterator[FlaskClient]:
    """19 % within the prices, 10 % for service."""
    with client_of(tax_rate=1900, tax_included=True, service_charge=1000) as client:
        yield client


@pytest.fixture(scope="module")
def taxed_on_top() -> Iterator[FlaskClient]:
    """7.25 % on top of the prices."""
    with client_of(tax_rate=725, tax_included=False, currency="USD") as client:
        yield client


def path_of(order: dict[str, Any]) -> str:
    return f"/api/orders/{order['id']}"


def read(client: FlaskClient, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path_of(order)).json
    return found


def move(client: FlaskClient, order: dict[str, Any], *steps: str) -> None:
    for step in steps:
        answer = client.patch(f"{path_of(order)}/status", json={"status": step})
        assert (answer.status_code, answer.json["status"]) == (200, step)


def in_stock(client: FlaskClient, item: dict[str, Any]) -> int:
    left: int = client.get(f"/api/menu/items/{item['id']}").json["stock"]
    return left


def test_an_order_comes_back_with_everything_that_clients_rely_on(client: FlaskClient) -> None:
    item = add_dish(client, option_groups=GROUPS)
    body = order_for(item, 2, options=["large"], tip=100, notes="no onions", fulfilment=DINE_IN)
    body["items"][0]["notes"] = "hot"
    answer = client.post("/api/orders", json=body)
    order = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == path_of(order)
    assert answer.headers["X-Diner-Store"] == "postgresql"
    assert answer.headers["X-Diner-Role"] == "primary"
    assert "Idempotent-Replay" not in answer.headers
    assert UUID(order["id"]).version == 7
    assert len(order["code"]) == 4
    assert order["customer"] == {"name": "Ada", "phone": "+49301234567", "email": None}
    assert order["fulfilment"] == DINE_IN | {"address": None, "scheduled_for": None}
    [line] = order["items"]
    assert UUID(line.pop("id"))
    assert line == {
        "item_id": item["id"],
        "name": "Pelmeni",
        "quantity": 2,
        "unit_price": 1050,
        "options": [{"id": "large", "name": "Large", "price": 200}],
        "notes": "hot",
        "total": 2100,
    }
    wanted: dict[str, Any] = {
        "subtotal": 2100,
        "discount": 0,
        "service_charge": 0,
        "tax": 0,
        "tip": 100,
    }
    wanted |= {"total": 2200, "currency": "EUR", "revision": 1, "notes": "no onions"}
    wanted |= {"status": "pending", "payment_status": "unpaid"}
    assert wanted.items() <= order.items()
    assert order["created_at"] == order["updated_at"]
    assert order["created_at"].endswith("Z")


def test_an_order_is_found_at_its_location_without_its_token(client: FlaskClient) -> None:
    answer = client.post("/api/orders", json=order_for(add_dish(client)))
    found = client.get(answer.headers["Location"])
    token = answer.json.pop("access_token")
    assert len(token) == 64
    assert found.json == {k: v for k, v in answer.json.items() if k != "access_token"}
    assert found.headers["ETag"] == answer.headers["ETag"]
    known = client.get(path_of(found.json), headers={"If-None-Match": found.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")


def test_every_answer_has_a_request_id_of_the_caller_if_it_is_a_decent_one(
    client: FlaskClient,
) -> None:
    own = client.get("/api/orders", headers={"X-Request-Id": "till-7:41"})
    assert own.headers["X-Request-Id"] == "till-7:41"
    made = [client.get("/api/orders").headers["X-Request-Id"] for _ in range(2)]
    assert UUID(made[0]) != UUID(made[1])


def test_prices_of_the_client_are_refused(client: FlaskClient) -> None:
    body = order_for(add_dish(client))
    body["items"][0]["unit_price"] = 1
    refused = client.post("/api/orders", json=body)
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["items.0.unit_price"])


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["small", "large"],
        ["small", "extra-0", "extra-1", "extra-2"],
        ["small", "small"],
        ["small", "cheese"],
    ],
)
def test_options_keep_to_the_limits_of_their_groups(
    client: FlaskClient, options: list[str]
) -> None:
    item = add_dish(client, option_groups=GROUPS)
    refused = client.post("/api/orders", json=order_for(item, options=options))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["items.0.options"])


def test_options_change_the_price_of_each_piece(client: FlaskClient) -> None:
    item = add_dish(client, option_groups=GROUPS)
    order = place_order(client, order_for(item, 3, options=["small", "extra-1", "extra-2"]))
    assert (order["items"][0]["unit_price"], order["total"]) == (850, 2550)


def test_tax_that_is_included_is_shown_and_not_added(taxed_inside: FlaskClient) -> None:
    order = place_order(taxed_inside, order_for(add_dish(taxed_inside, price=1190)))
    assert (order["tax"], order["total"]) == (190, 1190)


def test_an_item_may_have_a_tax_rate_of_its_own(taxed_inside: FlaskClient) -> None:
    order = place_order(taxed_inside, order_for(add_dish(taxed_inside, price=1070, tax_rate=700)))
    assert order["tax"] == 70
    assert place_order(taxed_inside, order_for(add_dish(taxed_inside, tax_rate=0)))["tax"] == 0


@pytest.mark.parametrize(("price", "tax"), [(690, 50), (689, 50), (200, 15), (207, 15), (206, 15)])
def test_tax_that_is_added_is_rounded_half_up(
    taxed_on_top: FlaskClient, price: int, tax: int
) -> None:
    order = place_order(taxed_on_top, order_for(add_dish(taxed_on_top, price=price), tip=7))
    assert (order["tax"], order["total"], order["currency"]) == (tax, price + tax + 7, "USD")


def test_each_line_is_taxed_on_its_own_and_the_sums_are_the_total(
    taxed_on_top: FlaskClient,
) -> None:
    items = [add_dish(taxed_on_top, price=price) for price in (7, 7, 199)]
    body = order_for(items[0]) | {
        "items": [{"item_id": item["id"], "quantity": 1} for item in items]
    }
    order = place_order(taxed_on_top, body)
    assert order["subtotal"] == sum(line["total"] for line in order["items"]) == 213
    assert order["tax"] == 1 + 1 + 14
    assert order["total"] == 213 + 16


@pytest.mark.parametrize(
    ("fulfilment", "charge"),
    [
        (DINE_IN, 106),
        ({"type": "pickup"}, 0),
        ({"type": "delivery", "address": "Elm Street 1"}, 0),
    ],
)
def test_service_is_charged_at_tables_only(
    taxed_inside: FlaskClient, fulfilment: dict[str, str], charge: int
) -> None:
    order = place_order(
        taxed_inside, order_for(add_dish(taxed_inside, price=1055), fulfilment=fulfilment)
    )
    assert (order["service_charge"], order["total"]) == (charge, 1055 + charge)


def test_prices_stay_as_they_were_when_the_order_was_placed(client: FlaskClient) -> None:
    item = add_dish(client)
    order = place_order(client, order_for(item))
    client.patch(f"/api/menu/items/{item['id']}", json={"price": 1, "name": "Vareniki"})
    assert read(client, order)["items"] == order["items"]


@pytest.mark.parametrize(
    ("fulfilment", "field"),
    [
        ({"type": "dine_in"}, "fulfilment.table"),
        ({"type": "dine_in", "table": " "}, "fulfilment.table"),
        ({"type": "delivery", "address": None}, "fulfilment.address"),
        ({"type": "drone"}, "fulfilment.type"),
        ({}, "fulfilment.type"),
    ],
)
def test_a_table_or_an_address_is_asked_for_where_it_is_needed(
    client: FlaskClient, fulfilment: dict[str, Any], field: str
) -> None:
    refused = client.post("/api/orders", json=order_for(add_dish(client), fulfilment=fulfilment))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, [field])


def test_a_time_comes_back_in_utc_whatever_its_zone(client: FlaskClient) -> None:
    wanted = {"type": "pickup", "scheduled_for": "2036-05-01T18:30:00.1239+02:00"}
    order = place_order(client, order_for(add_dish(client), fulfilment=wanted))
    assert order["fulfilment"]["scheduled_for"] == "2036-05-01T16:30:00.123000Z"


def test_a_coupon_that_does_not_exist_is_refused(client: FlaskClient) -> None:
    refused = client.post("/api/orders", json=order_for(add_dish(client), coupon="FREE"))
    assert (refused.status_code, [*refused.json["errors"]]) == (422, ["coupon"])


def test_an_order_is_placed_once_per_key(client: FlaskClient) -> None:
    item, headers = add_dish(client, stock=5), idempotency_headers()
    first = client.post("/api/orders", json=order_for(item), headers=headers)
    again = client.post("/api/orders", json=order_for(item), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json == first.json
    assert in_stock(client, item) == 4


def test_the_order_of_the_fields_makes_no_other_body(client: FlaskClient) -> None:
    body, headers = order_for(add_dish(client)), idempotency_headers()
    first = client.post("/api/orders", json=body, headers=headers)
    again = client.post("/api/orders", json=dict(reversed(body.items())), headers=headers)
    assert again.json["id"] == first.json["id"]


def test_a_key_is_refused_with_another_body(client: FlaskClient) -> None:
    item, headers = add_dish(client), idempotency_headers()
    first = client.post("/api/orders", json=order_for(item), headers=headers)
    other = client.post("/api/orders", json=order_for(item, 2), headers=headers)
    assert (other.status_code, [*other.json["errors"]]) == (422, ["Idempotency-Key"])
    assert read(client, first.json)["items"][0]["quantity"] == 1


@pytest.mark.parametrize("becomes", ["dearer", "unavailable", "sold out", "removed", "renamed"])
def test_a_repeated_request_is_answered_with_its_order_whatever_became_of_the_menu(
    client: FlaskClient, becomes: str
) -> None:
    item, headers = add_dish(client, stock=1), idempotency_headers()
    path = f"/api/menu/items/{item['id']}"
    first = client.post("/api/orders", json=order_for(item), headers=headers)
    match becomes:
        case "dearer":
            client.patch(path, json={"price": 10_000})
        case "unavailable":
            client.put(f"{path}/availability", json={"available": False})
        case "removed":
            client.delete(path)
        case "renamed":
            client.patch(path, json={"name": "Vareniki"})
    again = client.post("/api/orders", json=order_for(item), headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replay"] == "true"
    other = client.post("/api/orders", json=order_for(item, 2), headers=headers)
    assert (other.status_code, [*other.json["errors"]]) == (422, ["Idempotency-Key"])


def test_a_refused_request_leaves_its_key_free(client: FlaskClient) -> None:
    item, headers = add_dish(client, stock=0), idempotency_headers()
    assert client.post("/api/orders", json=order_for(item), headers=headers).status_code == 409
    client.put(f"/api/menu/items/{item['id']}/stock", json={"stock": 1})
    again = client.post("/api/orders", json=order_for(item), headers=headers)
    assert (again.status_code, "Idempotent-Replay" in again.headers) == (201, False)


def test_an_order_goes_step_by_step_and_remembers_each(client: FlaskClient) -> None:
    order = place_order(client, order_for(add_dish(client)))
    steps = ["confirmed", "preparing", "ready", "out_for_delivery", "completed"]
    move(client, order, *steps)
    done = read(client, order)
    assert (done["status"], done["revision"]) == ("completed", 6)
    assert [event["status"] for event in done["history"]] == ["pending", *steps]
    me = client.get("/api/auth/me").json["id"]
    assert (done["user_id"], {event["actor"] for event in done["history"]}) == (me, {me})
    moments = [event["at"] for event in done["history"]]
    assert moments == sorted(moments)


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], "ready"),
        ([], "completed"),
        (["confirmed"], "pending"),
        (["confirmed", "preparing", "ready", "completed"], "cancelled"),
        (["cancelled"], "confirmed"),
    ],
)
def test_a_step_that_does_not_exist_is_refused_and_says_which_do(
    client: FlaskClient, before: list[str], step: str
) -> None:
    order = place_order(client, order_for(add_dish(client)))
    move(client, order, *before)
    state = read(client, order)
    refused = client.patch(f"{path_of(order)}/status", json={"status": step})
    assert (refused.status_code, [*refused.json["errors"]]) == (409, ["status"])
    assert "can become" in refused.json["detail"]
    assert read(client, order) == state


def test_a_step_that_was_made_already_changes_nothing(client: FlaskClient) -> None:
    order = place_order(client, order_for(add_dish(client)))
    move(client, order, "confirmed")
    state = read(client, order)
    move(client, order, "confirmed")
    assert read(client, order) == state


def test_a_step_is_made_once_per_key_however_far_the_order_has_gone(client: FlaskClient) -> None:
    order, headers = place_order(client, order_for(add_dish(client))), idempotency_headers()
    path = f"{path_of(order)}/status"
    client.patch(path, json={"status": "confirmed"}, headers=headers)
    move(client, order, "preparing")
    again = client.patch(path, json={"status": "confirmed"}, headers=headers)
    assert (again.status_code, again.json["status"]) == (200, "preparing")
    assert again.headers["Idempotent-Replay"] == "true"
    other = client.patch(path, json={"status": "ready"}, headers=headers)
    assert (other.status_code, [*other.json["errors"]]) == (422, ["Idempotency-Key"])


@pytest.mark.parametrize("suffix", ["/status", "/cancel"])
def test_a_step_of_an_order_that_has_moved_since_is_refused_with_its_etag(
    client: FlaskClient, suffix: str
) -> None:
    order = place_order(client, order_for(add_dish(client)))
    stale = {"If-Match": client.get(path_of(order)).headers["ETag"]}
    move(client, order, "confirmed")
    current = client.get(path_of(order))
    method, body = ("PATCH", {"status": "cancelled"}) if suffix == "/status" else ("POST", {})
    refused = client.open(path_of(order) + suffix, method=method, json=body, headers=stale)
    assert (refused.status_code, refused.headers["ETag"]) == (412, current.headers["ETag"])
    fresh = {"If-Match": current.headers["ETag"]}
    done = client.open(path_of(order) + suffix, method=method, json=body, headers=fresh)
    assert (done.status_code, done.json["status"]) == (200, "cancelled")


def test_a_cancelled_order_gives_back_what_it_took(client: FlaskClient) -> None:
    item = add_dish(client, stock=5)
    order = place_order(client, order_for(item, 4))
    assert in_stock(client, item) == 1
    cancelled = client.post(f"{path_of(order)}/cancel", json={"reason": "too late"})
    assert cancelled.json["history"][-1]["reason"] == "too late"
    assert in_stock(client, item) == 5
    again = client.post(f"{path_of(order)}/cancel")
    assert (again.status_code, again.json["revision"]) == (200, 2)
    assert in_stock(client, item) == 5


def test_stock_is_taken_over_all_lines_or_not_at_all(client: FlaskClient) -> None:
    plenty, few = add_dish(client, stock=9), add_dish(client, stock=1)
    body = order_for(plenty)
    body["items"] += [{"item_id": few["id"], "quantity": 1}] * 2
    assert client.post("/api/orders", json=body).status_code == 409
    assert (in_stock(client, plenty), in_stock(client, few)) == (9, 1)


def test_an_order_that_never_was_is_not_found(client: FlaskClient) -> None:
    path = f"/api/orders/{new_id()}"
    assert client.get(path).status_code == 404
    assert client.patch(f"{path}/status", json={"status": "confirmed"}).status_code == 404
    assert client.post(f"{path}/cancel").status_code == 404


def test_pages_show_every_order_once_newest_first_though_others_come_in() -> None:
    with client_of() as client:
        item = add_dish(client)
        ids = [place_order(client, order_for(item))["id"] for _ in range(25)]
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 7}
        while True:
            page = client.get("/api/orders", query_string=query).json
            seen += [order["id"] for order in page["items"]]
            place_order(client, order_for(item))
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == ids[::-1]


def test_orders_are_found_by_what_staff_ask_for(client: FlaskClient) -> None:
    item = add_dish(client)
    customer = {"name": "Grace", "phone": "(030) 765-43 21"}
    pickup = place_order(client, order_for(item, customer=customer))
    at_table = place_order(client, order_for(item, customer=customer, fulfilment=DINE_IN))
    move(client, at_table, "confirmed")

    def found(**query: str) -> list[str]:
        page = client.get("/api/orders", query_string={"phone": "0307654321", **query}).json
        return [order["id"] for order in page["items"]]

    assert found() == [at_table["id"], pickup["id"]]
    assert found(phone="030 / 765 43 21") == [at_table["id"], pickup["id"]]
    assert found(status="confirmed") == [at_table["id"]]
    assert found(fulfilment="pickup") == [pickup["id"]]
    assert found(since=at_table["created_at"]) == [at_table["id"]]
    assert found(since="2099-01-01T00:00:00+01:00") == []
    assert found(phone="0309999999") == []


def test_a_cursor_keeps_to_the_filter_it_is_used_with(client: FlaskClient) -> None:
    item, phone = add_dish(client), "+49401111111"
    customer = {"name": "Grace", "phone": phone}
    mine = [place_order(client, order_for(item, customer=customer))["id"] for _ in range(3)]
    place_order(client, order_for(item))
    first = client.get("/api/orders", query_string={"phone": phone, "limit": "2"}).json
    query = {"phone": phone, "limit": "2", "cursor": first["next_cursor"]}
    second = client.get("/api/orders", query_string=query).json
    seen = [order["id"] for order in first["items"] + second["items"]]
    assert (seen, second["next_cursor"]) == (mine[::-1], None)


@pytest.fixture(scope="module")
def on_sale(guests: FlaskClient) -> dict[str, Any]:
    """An item that was put on the menu before the guests came."""
    done = services_of(guests).of(OrderingServices).menu.add(Operation.without_key(), dish_fields())
    return {"id": done.record.id}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/menu/items", dish_fields()),
        ("PATCH", "/api/menu/items/{item}", {"price": 1}),
        ("DELETE", "/api/menu/items/{item}", None),
        ("PUT", "/api/menu/items/{item}/availability", {"available": False}),
        ("PUT", "/api/menu/items/{item}/stock", {"stock": 0}),
        ("GET", "/api/orders", None),
        ("PATCH", "/api/orders/{order}/status", {"status": "confirmed"}),
        ("GET", "/api/sync/conflicts", None),
        ("POST", "/api/sync/conflicts/{order}/resolve", {"take": "keep"}),
        ("GET", "/api/consistency", None),
        ("GET", "/api/consistency/orders/{order}", None),
        ("POST", "/api/consistency/orders/repair", None),
    ],
)
def test_guests_may_not_do_what_staff_do(
    guests: FlaskClient, on_sale: dict[str, Any], method: str, path: str, body: Any
) -> None:
    order = place_order(guests, order_for(on_sale))
    path = path.format(item=on_sale["id"], order=order["id"])
    refused = guests.open(path, method=method, json=body, headers=bearer(order["access_token"]))
    assert refused.status_code == 401
    own = guests.get(path_of(order), headers=bearer(order["access_token"]))
    assert own.json["status"] == "pending"
    place_order(guests, order_for(on_sale))


def test_the_token_reads_and_cancels_its_order(
    guests: FlaskClient, on_sale: dict[str, Any]
) -> None:
    order = place_order(guests, order_for(on_sale))
    token = order["access_token"]
    assert guests.get(path_of(order), headers=bearer(token)).json["id"] == order["id"]
    assert guests.get(path_of(order), headers=bearer(token, "bearer")).status_code == 200
    cancelled = guests.post(f"{path_of(order)}/cancel", headers=bearer(token))
    assert cancelled.json["status"] == "cancelled"
    assert cancelled.json["history"][-1]["actor"] == "guest"


def test_the_token_of_one_order_opens_no_other(
    guests: FlaskClient, on_sale: dict[str, Any]
) -> None:
    mine, theirs = (place_order(guests, order_for(on_sale)) for _ in range(2))
    headers = bearer(mine["access_token"])
    for path in (path_of(theirs), f"/api/orders/{new_id()}"):
        assert guests.get(path, headers=headers).status_code == 403
        assert guests.post(f"{path}/cancel", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Basic \xff"},
    ],
)
def test_without_a_token_guests_are_asked_for_one(
    guests: FlaskClient, on_sale: dict[str, Any], headers: dict[str, str]
) -> None:
    order = place_order(guests, order_for(on_sale))
    for method, suffix in (("GET", ""), ("POST", "/cancel")):
        refused = guests.open(path_of(order) + suffix, method=method, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].lower().startswith("bearer")


@pytest.mark.parametrize("token", ["0" * 64, "ü", "null", "a=b, c=d", "x" * 5000])
def test_a_made_up_token_opens_nothing(
    guests: FlaskClient, on_sale: dict[str, Any], token: str
) -> None:
    order = place_order(guests, order_for(on_sale))
    assert guests.get(path_of(order), headers=bearer(token)).status_code == 403


def test_the_menu_is_for_everybody(guests: FlaskClient, on_sale: dict[str, Any]) -> None:
    assert on_sale["id"] in guests.get("/api/menu").text
    assert guests.get(f"/api/menu/items/{on_sale['id']}").status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "price"),
    [({"price": 990}, 201, 990), ({"available": False}, 409, None), ({"deleted": True}, 422, None)],
    ids=str,
)
def test_an_order_is_priced_by_the_menu_as_it_is_even_before_news_of_that(
    client: FlaskClient, change: dict[str, Any], status: int, price: int | None
) -> None:
    items, item = services_of(client).repositories["menu_items"], add_dish(client, price=850)
    place_order(client, order_for(item))
    record = items.get(item["id"])
    items.save(record.with_changes(op_id=new_op_id(), now=record.updated_at, **change))
    answer = client.post("/api/orders", json=order_for(item))
    assert answer.status_code == status, answer.text
    assert price is None or answer.json["items"][0]["unit_price"] == price


def test_what_can_be_had_again_is_had_even_before_news_of_that(client: FlaskClient) -> None:
    items, item = services_of(client).repositories["menu_items"], add_dish(client, available=False)
    assert client.post("/api/orders", json=order_for(item)).status_code == 409
    record = items.get(item["id"])
    items.save(record.with_changes(op_id=new_op_id(), now=record.updated_at, available=True))
    place_order(client, order_for(item))
