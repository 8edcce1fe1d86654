"""Opening hours and slots as guests and managers meet them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.accounts.domain.permissions import Role
from dinerapp.ordering.domain.hours import Weekday, Window
from tests.blueprints.api_helpers import (
    add_dish,
    client_as,
    client_of,
    idempotency_headers,
    order_for,
    place_order,
)

TOMORROW = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture
def manager() -> Iterator[FlaskClient]:
    with client_of(slot_orders=2, slot_minutes=30) as client:
        yield client


def at(moment: datetime) -> str:
    return moment.isoformat()


def scheduled(item: Any, moment: datetime) -> dict[str, Any]:
    body = order_for(item)
    return {**body, "fulfilment": {"type": "pickup", "scheduled_for": at(moment)}}


def slots(client: FlaskClient, moment: datetime) -> dict[str, Any]:
    answer = client.get(f"/api/orders/slots?date={moment:%Y-%m-%d}")
    return {slot["starts_at"]: slot for slot in answer.json["items"]}


def left(client: FlaskClient, moment: datetime) -> Any:
    return slots(client, moment)[f"{moment:%Y-%m-%dT%H:%M:%SZ}"]["left"]


def test_a_slot_takes_so_many_orders(manager: FlaskClient) -> None:
    item, guest = add_dish(manager), client_as(manager.application, None)
    assert left(guest, TOMORROW) == 2
    first = place_order(guest, scheduled(item, TOMORROW))
    place_order(guest, scheduled(item, TOMORROW + timedelta(minutes=29)))
    assert left(guest, TOMORROW) == 0
    full = guest.post("/api/orders", json=scheduled(item, TOMORROW))
    assert (full.status_code, list(full.json["errors"])) == (409, ["fulfilment.scheduled_for"])
    place_order(guest, scheduled(item, TOMORROW + timedelta(minutes=30)))
    manager.post(f"/api/orders/{first['id']}/cancel")
    assert left(guest, TOMORROW) == 1
    place_order(guest, scheduled(item, TOMORROW))


def test_many_at_once_get_no_more_places_than_there_are(manager: FlaskClient) -> None:
    item = add_dish(manager)
    guests = [client_as(manager.application, None) for _ in range(6)]
    body = scheduled(item, TOMORROW)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda guest: guest.post("/api/orders", json=body), guests))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 4


def test_a_manager_closes_a_slot_and_opens_it_wider(manager: FlaskClient) -> None:
    item, guest = add_dish(manager), client_as(manager.application, None)
    kept = place_order(guest, scheduled(item, TOMORROW))
    plan = {"starts_at": at(TOMORROW), "capacity": 0, "notes": "a party"}
    closed = manager.put("/api/orders/slots", json=plan, headers=idempotency_headers("close"))
    assert (closed.status_code, closed.json["left"], closed.json["notes"]) == (200, 0, "a party")
    assert guest.post("/api/orders", json=scheduled(item, TOMORROW)).status_code == 409
    assert manager.get(f"/api/orders/{kept['id']}").json["status"] == "pending"
    assert manager.put("/api/orders/slots", json={**plan, "capacity": 3}).json["left"] == 2
    place_order(guest, scheduled(item, TOMORROW))
    stale = {"If-Match": closed.headers["ETag"]}
    assert manager.put("/api/orders/slots", json=plan, headers=stale).status_code == 412
    between = {**plan, "starts_at": at(TOMORROW + timedelta(minutes=1))}
    assert manager.put("/api/orders/slots", json=between).status_code == 404


def test_a_repeated_order_is_one_whatever_time_it_is_by_now(manager: FlaskClient) -> None:
    item = add_dish(manager)
    body, headers = scheduled(item, TOMORROW), idempotency_headers("once")
    answers = [manager.post("/api/orders", json=body, headers=headers) for _ in range(4)]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert left(manager, TOMORROW) == 1


@pytest.mark.parametrize("when", [timedelta(minutes=-1), timedelta(days=15)])
def test_guests_order_for_a_time_to_come(manager: FlaskClient, when: timedelta) -> None:
    guest = client_as(manager.application, None)
    refused = guest.post("/api/orders", json=scheduled(add_dish(manager), datetime.now(UTC) + when))
    assert (refused.status_code, list(refused.json["errors"])) == (
        422,
        ["fulfilment.scheduled_for"],
    )


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31", "2036-02-30", "x"])
def test_a_day_that_is_not_one_has_no_slots(manager: FlaskClient, date: str) -> None:
    answer = manager.get(f"/api/orders/slots?date={date}")
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or answer.json["items"] == [] or date.startswith("9999")


def test_without_a_limit_there_are_only_times() -> None:
    with client_of(slot_minutes=60) as manager:
        found = slots(manager, TOMORROW)
        assert len(found) == 24
        assert {slot["left"] for slot in found.values()} == {None}
        for _ in range(5):
            place_order(manager, scheduled(add_dish(manager), TOMORROW))
        plan = {"starts_at": at(TOMORROW), "capacity": 1}
        assert manager.put("/api/orders/slots", json=plan).status_code == 422


def test_when_it_is_closed_guests_order_for_later_and_staff_for_now() -> None:
    days = list(Weekday)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).weekday()
    closed = Window(days=(days[yesterday],), opens=time(1), closes=time(2))
    with client_of(opening_hours=(closed,), preorder_days=8) as manager:
        guest, item = client_as(manager.application, None), add_dish(manager)
        refused = guest.post("/api/orders", json=order_for(item))
        assert (refused.status_code, list(refused.json["errors"])) == (
            409,
            ["fulfilment.scheduled_for"],
        )
        assert "we are closed now and open again on" in refused.json["detail"]
        assert guest.post("/api/orders", json=scheduled(item, TOMORROW)).status_code == 409
        opens = datetime.now(UTC).replace(hour=1, minute=15) + timedelta(days=6)
        place_order(guest, scheduled(item, opens))
        place_order(client_as(manager.application, Role.WAITER), order_for(item))
