"""Payments, refunds, coupons and tills as cashiers and managers use them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import add_dish, idempotency_headers, order_for, place_order


def ordered(client: FlaskClient, price: int = 850, quantity: int = 2, **fields: Any) -> Any:
    return place_order(client, order_for(add_dish(client, price=price), quantity, **fields))


def pay(client: FlaskClient, order: Any, **body: Any) -> Any:
    return client.post(f"/api/orders/{order['id']}/payments", json={"method": "cash", **body})


def paid(client: FlaskClient, order: Any, **body: Any) -> Any:
    answer = pay(client, order, **body)
    assert answer.status_code == 200, answer.text
    return answer.json


def refund(client: FlaskClient, order: Any, payment: Any, amount: int, **more: Any) -> Any:
    body = {"payment_id": payment["id"], "amount": amount, "reason": "it was cold", **more}
    return client.post(f"/api/orders/{order['id']}/refunds", json=body)


def test_all_that_is_left_is_paid_with_change_and_tip(client: FlaskClient) -> None:
    order = paid(client, ordered(client), given=2000, tip=150)
    [payment] = order["payments"]
    assert (payment["amount"], payment["tip"], payment["change"]) == (1850, 150, 150)
    assert (order["total"], order["tip"], order["outstanding"]) == (1850, 150, 0)
    assert order["payment_status"] == "paid"
    again = pay(client, order)
    assert (again.status_code, again.json["detail"]) == (409, "nothing is left to pay")


def test_a_bill_is_split_by_amount(client: FlaskClient) -> None:
    order = paid(client, ordered(client), amount=600)
    assert (order["payment_status"], order["outstanding"]) == ("partly_paid", 1100)
    too_much = pay(client, order, amount=1101)
    assert too_much.status_code == 409
    assert list(too_much.json["errors"]) == ["amount"]
    order = paid(client, order, method="card", reference="T-77", amount=1100)
    assert (order["payment_status"], order["outstanding"]) == ("paid", 0)


def test_a_bill_is_split_by_line_to_the_last_cent(client: FlaskClient) -> None:
    dishes = [add_dish(client, price=price) for price in (333, 334, 335)]
    body = order_for(dishes[0], tip=100)
    body["items"] = [{"item_id": item["id"], "quantity": 1} for item in dishes]
    order = place_order(client, body)
    lines = [line["id"] for line in order["items"]]
    for line in lines[:2]:
        order = paid(client, order, line_ids=[line])
    twice = pay(client, order, line_ids=[lines[0]])
    assert (twice.status_code, list(twice.json["errors"])) == (409, ["line_ids"])
    order = paid(client, order, line_ids=[lines[2]])
    assert (order["outstanding"], order["payment_status"]) == (0, "paid")
    assert sum(payment["amount"] for payment in order["payments"]) == 1102


def test_a_repeated_payment_is_one_payment_however_much_has_happened_since(
    client: FlaskClient,
) -> None:
    order, headers = ordered(client, price=10_000), idempotency_headers()
    path, body = f"/api/orders/{order['id']}/payments", {"method": "cash", "amount": 100}
    first = client.post(path, json=body, headers=headers)
    assert "Idempotent-Replay" not in first.headers
    for amount in range(1, 9):
        paid(client, order, amount=amount)
    again = client.post(path, json=body, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (200, "true")
    assert len(again.json["payments"]) == 9
    other = client.post(path, json={"method": "cash", "amount": 101}, headers=headers)
    assert (other.status_code, other.json["type"].rpartition(":")[2]) == (422, "key-reused")


def test_money_is_given_back_once(client: FlaskClient) -> None:
    order = paid(client, ordered(client))
    [payment] = order["payments"]
    part = refund(client, order, payment, 700).json
    assert (part["payment_status"], part["payments"][1]["amount"]) == ("partly_refunded", -700)
    more = refund(client, order, payment, 1001)
    assert (more.status_code, list(more.json["errors"])) == (409, ["amount"])
    rest = refund(client, order, payment, 1000).json
    assert rest["payment_status"] == "refunded"
    unknown = refund(client, order, {"id": new_id()}, 1)
    assert (unknown.status_code, list(unknown.json["errors"])) == (422, ["payment_id"])


def test_a_cancelled_order_takes_no_money(client: FlaskClient) -> None:
    order = ordered(client)
    client.post(f"/api/orders/{order['id']}/cancel", json={})
    assert pay(client, order).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "shells"}, "method"),
        ({"amount": 0}, "amount"),
        ({"amount": 10, "line_ids": [str(uuid4())]}, "amount"),
        ({"line_ids": [str(uuid4())]}, "line_ids"),
        ({"given": 1}, "given"),
        ({"method": "card", "given": 5000}, "given"),
        ({"till_id": str(uuid4())}, "till_id"),
        ({"tip": -1}, "tip"),
    ],
)
def test_payments_that_cannot_be_are_refused(
    client: FlaskClient, body: dict[str, Any], field: str
) -> None:
    order = ordered(client)
    refused = pay(client, order, **body)
    assert (refused.status_code, list(refused.json["errors"])) == (422, [field])
    assert client.get(f"/api/orders/{order['id']}").json["payments"] == []


def test_a_till_is_opened_used_counted_and_closed(client: FlaskClient) -> None:
    opened = client.post(
        "/api/tills", json={"name": "Bar", "opening": 20_000}, headers=idempotency_headers()
    )
    till = opened.json
    assert (opened.status_code, till["expected"]) == (201, None)
    order = paid(client, ordered(client), given=2000, till_id=till["id"])
    refund(client, order, order["payments"][0], 200, till_id=till["id"])
    paid(client, ordered(client), method="card", till_id=till["id"])
    assert client.get(f"/api/tills/{till['id']}").json["expected"] == 21_500
    closed = client.post(f"/api/tills/{till['id']}/close", json={"counted": 21_400}).json
    assert (closed["expected"], closed["counted"]) == (21_500, 21_400)
    again = client.post(f"/api/tills/{till['id']}/close", json={"counted": 1})
    assert (again.status_code, again.json["detail"]) == (409, "the till is already closed")
    late = pay(client, ordered(client), till_id=till["id"])
    assert (late.status_code, list(late.json["errors"])) == (409, ["till_id"])
    listed = client.get("/api/tills?open=false").json["items"]
    assert till["id"] in [one["id"] for one in listed]
    assert till["id"] not in [one["id"] for one in client.get("/api/tills?open=true").json["items"]]


def coupon(client: FlaskClient, **fields: Any) -> Any:
    body = {"code": f"C{uuid4().hex[:12]}", **fields}
    answer = client.post("/api/coupons", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_coupon_takes_off_a_share_of_the_price(client: FlaskClient) -> None:
    made = coupon(client, percent=1250)
    order = ordered(client, coupon=made["code"].lower())
    assert (order["subtotal"], order["discount"], order["total"]) == (1700, 213, 1487)
    assert order["coupon"] == made["code"].upper()
    assert client.get(f"/api/coupons/{made['id']}").json["uses"] == 1


def test_a_coupon_takes_off_no_more_than_there_is(client: FlaskClient) -> None:
    order = ordered(client, coupon=coupon(client, amount=5000)["code"])
    assert (order["discount"], order["total"]) == (1700, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 100, "minimum": 1701},
        {"amount": 100, "ends_at": "2020-01-01T00:00:00Z"},
        {"amount": 100, "starts_at": "2100-01-01T00:00:00Z"},
        {"amount": 100, "active": False},
        {"amount": 100, "max_uses": 0},
    ],
)
def test_a_coupon_that_cannot_be_used_is_refused(
    client: FlaskClient, fields: dict[str, Any]
) -> None:
    made = coupon(client, **fields)
    body = order_for(add_dish(client), 2, coupon=made["code"])
    refused = client.post("/api/orders", json=body)
    assert (refused.status_code, list(refused.json["errors"])) == (409, ["coupon"])
    assert client.get(f"/api/coupons/{made['id']}").json["uses"] == 0


def test_a_cancelled_order_gives_its_coupon_back(client: FlaskClient) -> None:
    made = coupon(client, amount=100, max_uses=1)
    order = ordered(client, coupon=made["code"])
    body = order_for(add_dish(client), coupon=made["code"])
    assert client.post("/api/orders", json=body).status_code == 409
    client.post(f"/api/orders/{order['id']}/cancel", json={})
    assert client.post("/api/orders", json=body).status_code == 201


def test_coupons_are_listed_and_changed(client: FlaskClient) -> None:
    made = coupon(client, percent=1000)
    change = client.patch(f"/api/coupons/{made['id']}", json={"max_uses": 3})
    assert (change.status_code, change.json["max_uses"]) == (200, 3)
    both = client.patch(f"/api/coupons/{made['id']}", json={"amount": 3})
    assert (both.status_code, list(both.json["errors"])) == (422, ["percent"])
    codes = [one["code"] for one in client.get("/api/coupons?limit=200").json["items"]]
    assert made["code"] in codes
    taken = client.post("/api/coupons", json={"code": made["code"], "percent": 1})
    assert (taken.status_code, list(taken.json["errors"])) == (409, ["code"])
