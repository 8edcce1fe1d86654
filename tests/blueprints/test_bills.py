"""Dine-in orders at their tables: moved to another one, and two paid as one."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import (
    add_dish,
    await_followers,
    client_as,
    idempotency_headers,
    order_for,
    place_order,
)

SEATERS = {Role.WAITER, Role.MANAGER, Role.ADMIN}


def seated(client: FlaskClient, table: str = "12", quantity: int = 1) -> dict[str, Any]:
    """An order of 8.50 for each dish."""
    body = order_for(add_dish(client, price=850), quantity)
    return place_order(client, {**body, "fulfilment": {"type": "dine_in", "table": table}})


def path_of(order: dict[str, Any], verb: str = "") -> str:
    return f"/api/orders/{order['id']}{verb and '/'}{verb}"


def merge(client: FlaskClient, order: dict[str, Any], other: dict[str, Any], **headers: str) -> Any:
    return client.post(path_of(order, "merge"), json={"order_id": other["id"]}, headers=headers)


def pay(client: FlaskClient, order: dict[str, Any], **fields: Any) -> Any:
    return client.post(path_of(order, "payments"), json={"method": "card", **fields})


def confirm(client: FlaskClient, order: dict[str, Any]) -> None:
    assert client.patch(path_of(order, "status"), json={"status": "confirmed"}).status_code == 200


def test_an_order_moves_to_another_table(client: FlaskClient) -> None:
    order = seated(client)
    headers = idempotency_headers()
    for replay in (None, "true"):
        moved = client.put(path_of(order, "table"), json={"table": "14"}, headers=headers)
        assert (moved.status_code, moved.json["fulfilment"]["table"]) == (200, "14")
        assert moved.headers.get("Idempotent-Replay") == replay
    stale = client.put(
        path_of(order, "table"), json={"table": "1"}, headers={"If-Match": '"p1m0n0"'}
    )
    assert stale.status_code == 412
    same = client.put(path_of(order, "table"), json={"table": "14"})
    assert same.headers["ETag"] == moved.headers["ETag"]


def test_only_what_is_at_a_table_moves(client: FlaskClient) -> None:
    picked_up = place_order(client, order_for(add_dish(client)))
    over = seated(client)
    client.post(path_of(over, "cancel"))
    for order in (picked_up, over):
        assert client.put(path_of(order, "table"), json={"table": "1"}).status_code == 409
    assert client.put(path_of(seated(client), "table"), json={"table": ""}).status_code == 422


def test_two_orders_of_a_table_are_paid_as_one(client: FlaskClient) -> None:
    order, other = seated(client, quantity=2), seated(client)
    for each in (order, other):
        confirm(client, each)
    pay(client, other, amount=350)
    merged = merge(client, order, other).json
    assert merged["outstanding"] == 1700 + 850 - 350
    assert merged["merged"] == [
        {"order_id": other["id"], "code": other["code"], "outstanding": 500}
    ]
    assert client.get(path_of(other)).json["merged_into"] == order["id"]
    board = client.get("/api/kitchen/tickets?station=kitchen").text
    assert order["id"] in board
    assert other["id"] in board
    refused = pay(client, other)
    assert (refused.status_code, order["id"] in refused.json["detail"]) == (409, True)
    assert pay(client, order, amount=2201).status_code == 409
    paid = pay(client, order).json
    assert (paid["payments"][-1]["amount"], paid["outstanding"]) == (2200, 0)
    assert paid["payment_status"] == "paid"


def test_a_repeated_merge_does_nothing_more(client: FlaskClient) -> None:
    order, other = seated(client), seated(client)
    headers = idempotency_headers()
    first = merge(client, order, other, **headers)
    again = merge(client, order, other, **headers)
    third = merge(client, order, other)
    assert (again.headers["Idempotent-Replay"], again.json) == ("true", first.json)
    assert (third.status_code, third.json) == (200, first.json)
    before = client.get(path_of(other)).json["revision"]
    await_followers(client)
    assert client.get(path_of(order)).json == first.json
    assert client.get(path_of(other)).json["revision"] == before


def test_a_repeated_merge_of_what_is_over_by_now_undoes_nothing(client: FlaskClient) -> None:
    order, other = seated(client), seated(client)
    merge(client, order, other)
    for status in ("confirmed", "preparing", "ready", "completed"):
        client.patch(path_of(order, "status"), json={"status": status})
    assert merge(client, order, other).status_code == 200
    assert client.get(path_of(other)).json["merged_into"] == order["id"]


def test_what_cannot_be_one_bill_is_refused_and_changes_nothing(client: FlaskClient) -> None:
    order, elsewhere = seated(client), seated(client, table="13")
    picked_up = place_order(client, order_for(add_dish(client)))
    over, onto = seated(client), seated(client)
    client.post(path_of(over, "cancel"))
    merge(client, seated(client), onto)
    for other in (elsewhere, picked_up, over, onto):
        before = client.get(path_of(other)).json
        assert merge(client, order, other).status_code == 409
        assert merge(client, other, order).status_code == 409
        assert client.get(path_of(other)).json == before
    assert client.get(path_of(order)).json == {
        name: value for name, value in order.items() if name != "access_token"
    }
    assert merge(client, order, order).status_code == 422
    assert merge(client, order, {"id": new_id()}).status_code == 422
    assert merge(client, {"id": new_id()}, order).status_code == 404
    assert client.post(path_of(order, "merge"), json={"order_id": "x"}).status_code == 422


def test_an_order_on_the_bill_of_another_is_neither_cancelled_nor_changed(
    client: FlaskClient,
) -> None:
    order, other = seated(client), seated(client)
    merge(client, order, other)
    line = {other["items"][0]["id"]: 2}
    changed = client.patch(path_of(other, "items"), json={"quantities": line})
    cancelled = [client.post(path_of(each, "cancel")) for each in (order, other)]
    assert [answer.status_code for answer in (changed, *cancelled)] == [409] * 3
    confirm(client, other)
    assert client.patch(path_of(order, "items"), json={"quantities": line}).status_code == 422


def test_an_order_is_taken_off_the_bill_unless_it_was_paid_there(client: FlaskClient) -> None:
    order, other = seated(client), seated(client)
    merge(client, order, other)
    split = client.post(path_of(other, "split"), headers=idempotency_headers())
    assert (split.status_code, split.json["merged_into"]) == (200, None)
    left = client.get(path_of(order)).json
    assert (left["outstanding"], left["merged"]) == (850, [])
    merge(client, order, other)
    pay(client, order)
    assert client.post(path_of(other, "split")).status_code == 409
    assert client.get(path_of(other)).json["merged_into"] == order["id"]


def test_a_refund_of_a_merged_order_is_on_the_bill(client: FlaskClient) -> None:
    order, other = seated(client), seated(client)
    payment = pay(client, other).json["payments"][0]
    merge(client, order, other)
    assert client.get(path_of(order)).json["outstanding"] == 850
    refund = {"payment_id": payment["id"], "amount": 100, "reason": "cold"}
    assert client.post(path_of(other, "refunds"), json=refund).status_code == 200
    await_followers(client)
    assert client.get(path_of(order)).json["outstanding"] == 950


@pytest.mark.parametrize("role", [None, *Role])
def test_waiters_and_managers_seat_guests(client: FlaskClient, role: Role | None) -> None:
    order, other = seated(client), seated(client)
    asked = client_as(client.application, role)
    refused = 401 if role is None else 403
    answers = [
        merge(asked, order, other),
        asked.post(path_of(other, "split")),
        asked.put(path_of(order, "table"), json={"table": "9"}),
    ]
    assert {answer.status_code for answer in answers} == {200 if role in SEATERS else refused}
