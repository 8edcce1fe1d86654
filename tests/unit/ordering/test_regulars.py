"""Who ordered today already is known without asking, until something is heard of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from dinerapp.live.signals import changed_elsewhere, news_missed
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.orders import Customer
from dinerapp.ordering.services.customer_tracker import Regulars
from dinerapp.replication.signals import announce
from tests.blueprints.asking import client_of, diner_of, dish, followed_up, order_for, placed
from tests.makers import order


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with client_of() as client:
        yield client


def orders(client: FlaskClient) -> None:
    placed(client, order_for(dish(client)))
    followed_up(client)


def is_known(client: FlaskClient) -> bool:
    return bool(client.get("/api/customers").json["items"])


def lose(client: FlaskClient) -> str:
    """Takes the customer out of the databases behind everybody's back; their id."""
    [known] = client.get("/api/customers").json["items"]
    for side in diner_of(client).repositories["customers"].sides:
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
            changed_elsewhere,
            None,
            topic="customer_erased",
            kind="customers",
            record_id=record_id,
            version="",
            details={},
        ),
        lambda _: announce(news_missed, None),
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
    announce(changed_elsewhere, None, kind="orders", **told)
    orders(client)
    assert not is_known(client)


def test_no_more_guests_are_kept_in_mind_than_there_is_room_for(client: FlaskClient) -> None:
    diner = diner_of(client)
    regulars = Regulars(diner.of(OrderingServices).customers, room=2)
    orders(client)
    for number in range(5):
        guest = Customer(name="Eve", phone=f"+4930{number:07}")
        regulars.follow([order(customer=guest)])
    assert len(regulars._seen) == 2
    assert len(client.get("/api/customers").json["items"]) == 6


def test_an_order_without_a_number_is_nobodys(client: FlaskClient) -> None:
    diner = diner_of(client)
    nobody = order(customer=Customer(name="Ada", phone=""))
    diner.of(OrderingServices).customers.remember(nobody)
    diner.of(OrderingServices).customer_tracker.follow([nobody])
    assert not is_known(client)
