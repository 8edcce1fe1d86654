"""What kinds that hold and limit, or have a default limit, ask of a server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from adapters.mongo.database import MongoDatabase
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.repository import Usage
from dinerapp.replication.version import StoreId
from tests.adapters.mongo.test_commands import Diner
from tests.contracts.counted import MONGO_STORES, Booking, booking, pool
from tests.contracts.samples import run_concurrently
from tests.factories import at

P = StoreId.POSTGRESQL


class House(Diner):
    """One kind in one database, and what its store sends."""

    def __init__(self, url: str, kind: str) -> None:
        super().__init__(url)
        self.database = MongoDatabase(url, client_factory=self._client)
        self.store: Any = MONGO_STORES[kind](self.database)
        self.database.open()
        self.database.prepare()
        self.sent()


@pytest.fixture
def bookings(fresh_mongo_url: str) -> Iterator[House]:
    house = House(fresh_mongo_url, "bookings")
    yield house
    house.database.close()


@pytest.fixture
def pools(fresh_mongo_url: str) -> Iterator[House]:
    house = House(fresh_mongo_url, "pools")
    yield house
    house.database.close()


def test_a_booking_costs_one_transaction_even_of_what_nobody_held(bookings: House) -> None:
    bookings.store.save(booking("table:1", "table:2"))
    assert bookings.sent() == ["find", "findAndModify", "update", "commitTransaction"]


def test_a_record_that_holds_what_it_limits_costs_one_transaction(pools: House) -> None:
    saved = pools.store.save(pool(size=5, taken=2))
    assert pools.sent() == ["find", "findAndModify", "update", "commitTransaction"]
    pools.store.save(saved.with_changes(op_id=new_op_id(), now=at(1)))
    assert pools.sent() == ["update"]


def test_holders_are_found_by_an_index_and_nothing_else_is_read(bookings: House) -> None:
    busy = [f"table:{number}" for number in range(9)]
    states = [booking(f"table:7:{new_id()}", *busy[:7]).as_accepted_by(P) for _ in range(200)]
    wanted = [booking("table:0", "table:7", "table:9").as_accepted_by(P) for _ in range(2)]
    bookings.store.deliver([*states, *wanted])
    bookings.sent()
    assert len(bookings.store.holders("table:7", 20)) == 2
    [question] = bookings.recorder.sent
    assert bookings.looked_at(question) == 2
    [plan] = bookings.plans()
    assert "'holds'" in plan
    assert "COLLSCAN" not in plan


def test_bookings_of_several_processes_at_once_are_taken_once(
    bookings: House, fresh_mongo_url: str
) -> None:
    houses = [bookings, *(House(fresh_mongo_url, "bookings") for _ in range(3))]
    try:
        for number in range(5):
            keys = [f"table:{number}:{half_hour}" for half_hour in range(4)]
            tries = [
                partial(house.store.save, booking(*(keys if forward else keys[::-1])))
                for house in houses
                for forward in (True, False)
            ]
            results = run_concurrently(tries)
            kinds = [type(each) for each in results]
            assert (kinds.count(Booking), kinds.count(Exhausted)) == (1, 7), results
            assert set(bookings.store.usage(keys).values()) == {Usage(1, 1)}
    finally:
        for house in houses[1:]:
            house.database.close()
