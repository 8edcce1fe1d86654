"""The four kinds of work: what is sent, and what must come back before anything is measured."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from bench.contenders import TEXT_FOR_NUMBER, RunningContender
from bench.dataset import OrderIds, token
from bench.dishes import DISH_COUNT, DISHES, LINES_PER_ORDER, expected_total, order_body
from bench.wrk import LoadRequest

WORKLOADS = {
    "A": "`GET /menu`, 100 items with 2 groups of 3 options each",
    "B": "`GET /orders/{id}`, 4 lines",
    "C": "`POST /orders`, 4 lines, into PostgreSQL alone",
    "D": "`POST /orders`, 4 lines, into both databases",
}
BODY_COUNT = 500
_ORDERS = "/api/orders"
_HELLO = "hello"


class WrongAnswer(Exception):
    """A subject does not do the work it is to be measured at."""


def requests(one: RunningContender, work: str, filled: OrderIds) -> list[LoadRequest]:
    """What is sent in turn."""
    if work == "A":
        return [LoadRequest(one.subject.menu)]
    if work == "B":
        return [LoadRequest(f"{_ORDERS}/{each}", token(each)) for each in _ids(one, filled)]
    return [LoadRequest(_ORDERS, body=order_body(number)) for number in range(BODY_COUNT)]


def verify(one: RunningContender, work: str, filled: OrderIds) -> None:
    """Asks once for everything that counts; WrongAnswer says what is not as it should be."""
    if one.subject.name.startswith(_HELLO):
        _require(one, one.fetch(one.subject.menu) == (200, _HELLO), "it says hello")
    elif work == "A":
        _verify_menu(one)
    elif work == "B":
        _verify_order(one, _ids(one, filled)[0])
    else:
        _verify_placing(one)


def stock_left(one: RunningContender) -> dict[str, int]:
    """What the menu says is left of each dish."""
    return {item.get("id") or item["_id"]: item["stock"] for item in _items(one)}


def _verify_menu(one: RunningContender) -> None:
    items = _items(one)
    groups = [item["option_groups"] for item in items]
    prices = {item["name"]: item["price"] for item in items}
    _require(one, len(items) == DISH_COUNT, "the menu has all items")
    _require(one, prices == {d.fields["name"]: d.price for d in DISHES}, "the prices are right")
    shape = all(len(two) == 2 and all(len(g["options"]) == 3 for g in two) for two in groups)
    _require(one, shape, "each item has 2 groups of 3 options")


def _verify_order(one: RunningContender, order_id: str) -> None:
    path = f"{_ORDERS}/{order_id}"
    status, order = one.fetch(path, token=token(order_id))
    _require(one, status == 200, "an order is found", order)
    _require(one, order_id in (order.get("id"), order.get("_id")), "it is that order", order)
    _require(one, len(order["items"]) == LINES_PER_ORDER, "it has its lines", order)
    _require(one, order["total"] == sum(line["total"] for line in order["items"]), "its total")
    _require(one, one.fetch(path, token=token("another"))[0] == 403, "another's token is refused")


def _verify_placing(one: RunningContender) -> None:
    body, key = order_body(BODY_COUNT), uuid.uuid4().hex
    before = stock_left(one)
    status, order = one.fetch(_ORDERS, body=body, key=key)
    _require(one, status == 201, "an order is placed", order)
    _require(one, order["total"] == expected_total(body), "it is priced from the menu", order)
    order_id = order.get("id") or order["_id"]
    _require(one, order["access_token"] == token(order_id), "it comes with its token", order)
    again = one.fetch(_ORDERS, body=body, key=key)
    _require(one, again[0] == 201 and order_id in again[1].values(), "a key is one order", again)
    reused = one.fetch(_ORDERS, body=order_body(BODY_COUNT + 1), key=key)
    _require(one, reused[0] == 422, "a key is for one body", reused)
    for reason, spoilt in _invalid_bodies(body).items():
        if reason in one.subject.lets_pass:
            continue
        status, answer = one.fetch(_ORDERS, body=spoilt)
        _require(one, 400 <= status < 500, f"refused: {reason}", answer)
    taken = {line["item_id"]: line["quantity"] for line in body["items"]}
    expected = {item_id: before[item_id] - taken.get(item_id, 0) for item_id in before}
    _require(one, stock_left(one) == expected, "each line takes from the stock, once")
    _verify_order(one, order_id)


def _invalid_bodies(body: dict[str, Any]) -> dict[str, Any]:
    """What must be refused, by the reason."""
    first, *others = body["items"]

    def with_first(**other: Any) -> dict[str, Any]:
        return {**body, "items": [{**first, **other}, *others]}

    return {
        "no lines": {**body, "items": []},
        "an unknown item": with_first(item_id=str(uuid.uuid4())),
        "nothing of it": with_first(quantity=0),
        TEXT_FOR_NUMBER: with_first(quantity="2"),
        "an unknown option": with_first(options=["size-0", "none-0"]),
        "too few of a group": with_first(options=["sauce-0"]),
        "too many of a group": with_first(options=["size-0", "size-1"]),
        "more than there is": with_first(quantity=1001),
        "an unknown field": {**body, "price": 1},
        "no phone": {**body, "customer": {"name": "Ada"}},
        "delivery without an address": {**body, "fulfilment": {"type": "delivery"}},
    }


def _items(one: RunningContender) -> list[dict[str, Any]]:
    status, menu = one.fetch(one.subject.menu)
    _require(one, status == 200, "the menu is there", menu)
    if "_items" in menu:
        return list(menu["_items"])
    return [item for category in menu["categories"] for item in category["items"]]


def _ids(one: RunningContender, filled: OrderIds) -> Sequence[str]:
    return filled.ours if one.subject.is_ours else filled.peers


def _require(one: RunningContender, is_so: bool, what: str, answer: Any = "") -> None:
    if not is_so:
        raise WrongAnswer(f"{one.subject.name}: not so: {what} {str(answer)[:500]}")
