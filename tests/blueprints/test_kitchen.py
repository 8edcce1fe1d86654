"""The kitchen's tickets, and what a change of an order tells it."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from dinerapp.replication.identity import new_id
from tests.blueprints.api_helpers import add_dish, idempotency_headers, order_for, place_order


def confirmed(client: FlaskClient, quantity: int = 2) -> Any:
    order = place_order(client, order_for(add_dish(client), quantity))
    client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
    return order


def tickets_of(client: FlaskClient, order: Any) -> list[Any]:
    board = client.get("/api/kitchen/tickets").json["items"]
    return [ticket for one in board if one["order_id"] == order["id"] for ticket in one["tickets"]]


def step(client: FlaskClient, order: Any, verb: str, *tickets: Any) -> Any:
    ids = [ticket["id"] for ticket in tickets]
    return client.post(f"/api/kitchen/orders/{order['id']}/{verb}", json={"tickets": ids})


def revise(client: FlaskClient, order: Any, **body: Any) -> Any:
    return client.patch(f"/api/orders/{order['id']}/items", json=body)


def test_the_kitchen_hears_of_an_order_when_it_is_confirmed(client: FlaskClient) -> None:
    order = place_order(client, order_for(add_dish(client, name="Borscht"), 2))
    assert tickets_of(client, order) == []
    client.patch(f"/api/orders/{order['id']}/status", json={"status": "confirmed"})
    [ticket] = tickets_of(client, order)
    assert (ticket["name"], ticket["quantity"], ticket["status"]) == ("Borscht", 2, "new")
    assert ticket["line_id"] == order["items"][0]["id"]


def test_a_ticket_is_accepted_bumped_and_recalled(client: FlaskClient) -> None:
    order = confirmed(client)
    [ticket] = tickets_of(client, order)
    accepted = step(client, order, "accept", ticket).json["tickets"][0]
    assert (accepted["status"], accepted["accepted_at"] is None) == ("accepted", False)
    assert step(client, order, "bump", ticket).json["tickets"][0]["status"] == "done"
    assert tickets_of(client, order) == []
    recalled = step(client, order, "recall", ticket).json["tickets"][0]
    assert (recalled["status"], recalled["recalls"]) == ("accepted", 1)
    assert len(tickets_of(client, order)) == 1
    assert step(client, order, "bump", ticket).json["tickets"][0]["status"] == "done"


def test_a_step_that_does_not_exist_is_refused(client: FlaskClient) -> None:
    order = confirmed(client)
    [ticket] = tickets_of(client, order)
    assert step(client, order, "recall", ticket).status_code == 409
    assert step(client, order, "bump", {"id": new_id()}).status_code == 404
    assert step(client, order, "bump").status_code == 422


def test_a_change_sends_the_kitchen_the_difference(client: FlaskClient) -> None:
    order = confirmed(client, quantity=2)
    line, extra = order["items"][0]["id"], add_dish(client, name="Kvass", price=300)
    add = [{"item_id": extra["id"], "quantity": 1}]
    changed = revise(client, order, quantities={line: 5}, add=add)
    assert changed.status_code == 200, changed.text
    assert changed.json["total"] == 5 * 850 + 300
    fewer = revise(client, order, quantities={line: 1}).json
    assert [item["quantity"] for item in fewer["items"]] == [1, 1]
    told = [(t["name"], t["quantity"], t["revision"]) for t in tickets_of(client, order)]
    assert sorted(told) == [
        ("Kvass", 1, 1), ("Pelmeni", -4, 3), ("Pelmeni", 2, 1), ("Pelmeni", 3, 2),
    ]  # fmt: skip


def test_a_repeated_change_is_made_once(client: FlaskClient) -> None:
    order, headers = confirmed(client), idempotency_headers()
    body = {"quantities": {order["items"][0]["id"]: 5}}
    path = f"/api/orders/{order['id']}/items"
    first = client.patch(path, json=body, headers=headers)
    again = client.patch(path, json=body, headers=headers)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json == first.json
    assert len(tickets_of(client, order)) == 2


def test_a_line_is_taken_off_but_never_the_last_one(client: FlaskClient) -> None:
    item = add_dish(client)
    body = order_for(item)
    body["items"] *= 2
    order = place_order(client, body)
    one, other = (line["id"] for line in order["items"])
    assert [line["id"] for line in revise(client, order, quantities={one: 0}).json["items"]] == [
        other
    ]
    last = revise(client, order, quantities={other: 0})
    assert (last.status_code, "cancel" in last.json["detail"]) == (409, True)


def test_stock_follows_a_change(client: FlaskClient) -> None:
    item = add_dish(client, stock=5)
    order = place_order(client, order_for(item, 2))
    line = order["items"][0]["id"]
    assert revise(client, order, quantities={line: 6}).status_code == 409
    assert revise(client, order, quantities={line: 5}).status_code == 200
    assert client.get(f"/api/menu/items/{item['id']}").json["stock"] == 0
    revise(client, order, quantities={line: 1})
    assert client.get(f"/api/menu/items/{item['id']}").json["stock"] == 4


def test_what_is_done_or_unknown_cannot_be_changed(client: FlaskClient) -> None:
    order = confirmed(client)
    unknown = revise(client, order, quantities={new_id(): 1})
    assert unknown.status_code == 422
    nothing = revise(client, order)
    assert nothing.status_code == 422
    for status in ("preparing", "ready"):
        client.patch(f"/api/orders/{order['id']}/status", json={"status": status})
    late = revise(client, order, quantities={order["items"][0]["id"]: 9})
    assert late.status_code == 409


def test_nothing_that_was_paid_for_is_taken_off(client: FlaskClient) -> None:
    order = confirmed(client)
    client.post(f"/api/orders/{order['id']}/payments", json={"method": "cash"})
    fewer = revise(client, order, quantities={order["items"][0]["id"]: 1})
    assert (fewer.status_code, "refund the difference" in fewer.json["detail"]) == (409, True)


def test_a_guest_finds_an_order_by_phone_and_code(client: FlaskClient) -> None:
    order = place_order(client, order_for(add_dish(client)))
    path = f"/api/orders/lookup?phone=%2B49%2030%201234567&code={order['code'].lower()}"
    found = client.get(path)
    assert (found.status_code, found.json["id"]) == (200, order["id"])
    assert found.json["access_token"] == order["access_token"]
    assert client.get("/api/orders/lookup?phone=%2B4999999&code=XXXX").status_code == 404
    history = client.get(f"/api/orders/{order['id']}/history").json["items"]
    assert [step["status"] for step in history] == ["pending"]
