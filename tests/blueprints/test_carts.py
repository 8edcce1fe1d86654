"""Carts as guests and customers use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.record_tokens import RecordTokens
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.services.carts import CartService
from dinerapp.replication.identity import new_id
from dinerapp.replication.record import utc_now
from tests.blueprints.api_helpers import (
    add_dish,
    bearer,
    client_as,
    client_of,
    idempotency_headers,
    order_for,
    services_of,
)

MOST = 200


@pytest.fixture
def guest(client: FlaskClient) -> FlaskClient:
    return client_as(client.application, None)


@pytest.fixture
def cart(guest: FlaskClient) -> dict[str, Any]:
    return opened(guest)


def opened(client: FlaskClient, **headers: str) -> dict[str, Any]:
    answer = client.post("/api/carts", json={}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def ask(client: FlaskClient, method: str, cart: Any, path: str = "", **options: Any) -> Any:
    """With the cart's own token."""
    headers = bearer(cart["access_token"]) | options.pop("headers", {})
    return client.open(f"/api/carts/{cart['id']}{path}", method=method, headers=headers, **options)


def put(client: FlaskClient, cart: Any, item: Any, quantity: int = 1, **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = {"item_id": item["id"], "quantity": quantity, **more}
    return ask(client, "POST", cart, "/items", json=body, headers=headers)


def checkout(**fields: Any) -> dict[str, Any]:
    body = {**order_for({"id": new_id()}), **fields}
    del body["items"]
    return body


def check_out(client: FlaskClient, cart: Any, headers: Any = None, **fields: Any) -> Any:
    body = checkout(**fields)
    return ask(client, "POST", cart, "/checkout", json=body, headers=headers or {})


def newest_orders(client: FlaskClient, count: int) -> list[str]:
    """The ids of so many."""
    return [order["id"] for order in client.get(f"/api/orders?limit={count}").json["items"]]


def test_a_guest_fills_a_cart_and_orders_it(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item, other = add_dish(client, price=850), add_dish(client, price=400)
    put(guest, cart, item, 2)
    filled = put(guest, cart, other, notes="no ice").json
    assert [(line["name"], line["total"]) for line in filled["items"]] == [
        (item["name"], 1700),
        (other["name"], 400),
    ]
    assert filled["subtotal"] == 2100
    answer = check_out(guest, cart, tip=100)
    assert answer.status_code == 201, answer.text
    order = answer.json
    assert (order["total"], [line["quantity"] for line in order["items"]]) == (2200, [2, 1])
    read = guest.get(f"/api/orders/{order['id']}", headers=bearer(order["access_token"]))
    assert read.status_code == 200
    left = ask(guest, "GET", cart).json
    assert (left["state"], left["successor"]) == ("ordered", order["id"])


def test_prices_are_the_menus_of_now(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item = add_dish(client, price=850)
    put(guest, cart, item)
    read = ask(guest, "GET", cart)
    client.patch(f"/api/menu/items/{item['id']}", json={"price": 900})
    known = {"If-None-Match": read.headers["ETag"]}
    again = ask(guest, "GET", cart, headers=known)
    assert (again.status_code, again.json["subtotal"]) == (200, 900)
    assert (
        ask(guest, "GET", cart, headers={"If-None-Match": again.headers["ETag"]}).status_code == 304
    )
    assert check_out(guest, cart).json["total"] == 900


def test_alike_positions_are_one(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item = add_dish(client)
    put(guest, cart, item, 2)
    put(guest, cart, item, 3, notes="")
    lines = put(guest, cart, item, notes="no onions").json["items"]
    assert [line["quantity"] for line in lines] == [5, 1]


def test_a_position_is_changed_and_taken_out(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    [line] = put(guest, cart, add_dish(client)).json["items"]
    path = f"/items/{line['id']}"
    [changed] = ask(guest, "PATCH", cart, path, json={"quantity": 7}).json["items"]
    assert changed["quantity"] == 7
    assert ask(guest, "DELETE", cart, path).json["items"] == []
    gone = ask(guest, "PATCH", cart, path, json={"quantity": 1})
    assert (gone.status_code, list(gone.json["errors"])) == (422, ["line_id"])


def test_what_is_put_in_twice_under_one_key_is_there_once(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item, key = add_dish(client), idempotency_headers()
    answers = [put(guest, cart, item, 2, headers=key) for _ in range(3)]
    assert [answer.headers.get("Idempotent-Replay") for answer in answers] == [None, "true", "true"]
    assert [line["quantity"] for line in answers[-1].json["items"]] == [2]
    assert put(guest, cart, item, 3, headers=key).status_code == 422


def test_what_is_unknown_is_refused_and_what_is_only_not_to_be_had_now_is_shown(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item = add_dish(client)
    assert put(guest, cart, {"id": new_id()}).status_code == 422
    assert put(guest, cart, item, options=["nonsense"]).status_code == 422
    client.put(f"/api/menu/items/{item['id']}/availability", json={"available": False})
    [line] = put(guest, cart, item).json["items"]
    assert line["problem"] == f"{item['name']} is not available now"
    assert line["total"] is None
    before = ask(guest, "GET", cart)
    refused = check_out(guest, cart)
    assert (refused.status_code, list(refused.json["errors"])) == (409, ["items.0.item_id"])
    assert ask(guest, "GET", cart).headers["ETag"] == before.headers["ETag"]


def test_an_empty_cart_is_not_ordered(guest: FlaskClient, cart: dict[str, Any]) -> None:
    assert check_out(guest, cart).status_code == 409
    assert ask(guest, "GET", cart).json["revision"] == cart["revision"]


def test_a_cart_becomes_one_order_however_it_is_tried(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    put(guest, cart, add_dish(client))
    before = newest_orders(client, 10)
    first = check_out(guest, cart, idempotency_headers("k"))
    for headers in (idempotency_headers("k"), idempotency_headers("other"), {}):
        again = check_out(guest, cart, headers)
        assert (again.status_code, again.json["id"]) == (201, first.json["id"])
        assert again.headers["Idempotent-Replay"] == "true"
    assert check_out(guest, cart, idempotency_headers("k"), tip=1).status_code == 422
    other = check_out(guest, cart, tip=1)
    assert (other.status_code, first.json["id"] in other.json["detail"]) == (409, True)
    assert put(guest, cart, add_dish(client)).status_code == 409
    assert newest_orders(client, 11) == [first.json["id"], *before]


def test_many_who_order_one_cart_at_once_get_one_order(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    put(guest, cart, add_dish(client, stock=1))
    guests = [client_as(client.application, None) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda each: check_out(each, cart), guests))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1


def test_a_cart_is_nobody_elses(client: FlaskClient, guest: FlaskClient) -> None:
    mine, theirs = (client_as(client.application, Role.CUSTOMER) for _ in range(2))
    own, guests = opened(mine), opened(guest)
    for cart, asker in ((own, theirs), (guests, theirs), (own, client), (guests, mine)):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/checkout")):
            body = checkout() if method == "POST" else None
            path = f"/api/carts/{cart['id']}{path}"
            assert asker.open(path, method=method, json=body).status_code == 404
    stolen = guest.get(f"/api/carts/{own['id']}", headers=bearer(guests["access_token"]))
    assert stolen.status_code == 403
    assert guest.get(f"/api/carts/{own['id']}").status_code == 401
    assert [cart["id"] for cart in mine.get("/api/carts").json["items"]] == [own["id"]]
    assert theirs.get("/api/carts").json["items"] == []


def test_the_order_of_a_customers_cart_is_among_their_own(client: FlaskClient) -> None:
    mine = client_as(client.application, Role.CUSTOMER)
    cart = opened(mine)
    body = {"item_id": add_dish(client)["id"], "quantity": 1}
    mine.post(f"/api/carts/{cart['id']}/items", json=body)
    order = mine.post(f"/api/carts/{cart['id']}/checkout", json=checkout()).json
    assert [each["id"] for each in mine.get("/api/orders").json["items"]] == [order["id"]]


def test_a_guests_cart_is_emptied_into_the_customers_once(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item, other = add_dish(client), add_dish(client)
    put(guest, cart, item, 2)
    put(guest, cart, other)
    mine = client_as(client.application, Role.CUSTOMER)
    own = opened(mine)
    path = f"/api/carts/{own['id']}"
    mine.post(f"{path}/items", json={"item_id": item["id"], "quantity": 1})
    body = {"cart_id": cart["id"], "access_token": cart["access_token"]}
    assert mine.post(f"{path}/join", json={"cart_id": cart["id"]}).status_code == 404
    for headers in (
        idempotency_headers("a"),
        idempotency_headers("a"),
        idempotency_headers("b"),
        {},
    ):
        joined = mine.post(f"{path}/join", json=body, headers=headers)
        assert joined.status_code == 200, joined.text
        assert [line["quantity"] for line in joined.json["items"]] == [3, 1]
    assert put(guest, cart, item).status_code == 409
    assert check_out(guest, cart).status_code == 409
    left = ask(guest, "GET", cart).json
    assert (left["state"], left["successor"]) == ("joined", own["id"])


def test_joining_what_does_not_fit_leaves_both_as_they_were(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item, other = add_dish(client), opened(guest)
    put(guest, cart, item, 600)
    put(guest, other, item, 600)
    body = {"cart_id": other["id"], "access_token": other["access_token"]}
    refused = ask(guest, "POST", cart, "/join", json=body)
    assert refused.status_code == 409
    assert [ask(guest, "GET", each).json["state"] for each in (cart, other)] == ["open", "open"]
    itself = ask(guest, "POST", cart, "/join", json={**body, "cart_id": cart["id"]})
    assert (itself.status_code, list(itself.json["errors"])) == (422, ["cart_id"])


def test_a_stale_version_is_refused(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    tag = ask(guest, "GET", cart).headers["ETag"]
    put(guest, cart, add_dish(client), headers={"If-Match": tag})
    assert put(guest, cart, add_dish(client), headers={"If-Match": tag}).status_code == 412


def test_a_cart_that_was_thrown_away_is_gone(guest: FlaskClient, cart: dict[str, Any]) -> None:
    assert ask(guest, "DELETE", cart).status_code == 204
    assert ask(guest, "GET", cart).status_code == 404


def test_a_cart_that_nobody_touches_is_thrown_away() -> None:
    with client_of(None) as guest:
        cart, diner = opened(guest), services_of(guest)
        carts: Any = diner.repositories["carts"]
        tokens = RecordTokens("", "cart")
        lifetime = timedelta(hours=diner.settings.cart_hours)
        orders = diner.of(OrderingServices).orders

        def purge_at(now: datetime) -> int:
            return CartService(carts, orders, tokens, lifetime, now=lambda: now).purge()

        for hours, expired in ((71, 0), (73, 1), (73, 0)):
            assert purge_at(utc_now() + timedelta(hours=hours)) == expired
        assert ask(guest, "GET", cart).status_code == 404


def test_there_is_room_for_so_many_positions(
    client: FlaskClient, guest: FlaskClient, cart: dict[str, Any]
) -> None:
    item = add_dish(client)
    for number in range(MOST):
        assert put(guest, cart, item, notes=f"for guest {number}").status_code == 200
    assert put(guest, cart, item, notes="one more").status_code == 409
    assert put(guest, cart, item, notes="for guest 7").status_code == 200
