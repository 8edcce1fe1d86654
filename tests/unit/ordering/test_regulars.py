"""Who ordered today already is known without asking, until something is heard of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from dinerapp.live.signals import bus_gap, remote_change
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.orders import OrderContact
from dinerapp.ordering.services.customer_tracker import CustomerTracker
from dinerapp.replication.signals import announce
from tests.blueprints.api_helpers import (
    add_dish,
    await_followers,
    client_of,
    order_for,
    place_order,
    services_of,
)
from tests.factories import order


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with client_of() as client:
        yield client


def orders(client: FlaskClient) -> None:
    place_order(client, order_for(add_dish(client)))
    await_followers(client)


def is_known(client: FlaskClient) -> bool:
    return bool(client.get("/api/customers").json["items"])


def lose(client: FlaskClient) -> str:
    """Takes the customer out of the databases behind everybody's back; their id."""
    [known] = client.get("/api/customers").json["items"]
    customers: Any = services_of(client).repositories["customers"]
    for side in customers.stores:
        side.store.collection.delete_one({"_id": known["id"]})
    return str(known["id"])


def test_a_regular_is_not_looked_up_again(client: FlaskClient) -> None:
    orders(client)
    lose(client)
    orders(client)
    assert not is_known(client)


@pytest.mark.parametrize(
    "news",
    [
        lambda record_id: announce(
            remote_change,
            None,
            topic="customer_erased",
            kind="customers",
            record_id=record_id,
            version="",
            details={},
        ),
        lambda _: announce(bus_gap, None),
    ],
    ids=["erased elsewhere", "perhaps"],
)
def test_who_was_erased_elsewhere_is_looked_up_again(
    client: FlaskClient, news: Callable[[str], None]
) -> None:
    orders(client)
    news(lose(client))
    orders(client)
    assert is_known(client)


def test_news_of_others_change_nothing(client: FlaskClient) -> None:
    orders(client)
    record_id = lose(client)
    told = {"record_id": record_id, "topic": "", "version": "", "details": {}}
    announce(remote_change, None, kind="orders", **told)
    orders(client)
    assert not is_known(client)


def test_no_more_guests_are_kept_in_mind_than_there_is_room_for(client: FlaskClient) -> None:
    diner = services_of(client)
    regulars = CustomerTracker(diner.of(OrderingServices).customers, max_remembered=2)
    orders(client)
    for number in range(5):
        guest = OrderContact(name="Eve", phone=f"+4930{number:07}")
        regulars.follow([order(customer=guest)])
    assert len(regulars._last_orders) == 2
    assert len(client.get("/api/customers").json["items"]) == 6


def test_an_order_without_a_number_is_nobodys(client: FlaskClient) -> None:
    diner = services_of(client)
    nobody = order(customer=OrderContact(name="Ada", phone=""))
    diner.of(OrderingServices).customers.remember(nobody)
    diner.of(OrderingServices).customer_tracker.follow([nobody])
    assert not is_known(client)
