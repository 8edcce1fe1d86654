"""What only memory stores promise; all else is in the contract suites."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.mongo.menu import MongoMenuItems
from adapters.mongo.orders import MongoOrders
from dinerapp.replication.deadline import within
from dinerapp.replication.errors import DuplicateKey, Exhausted, StoreUnavailable
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import Backlog, Owing, Taken
from dinerapp.replication.version import Place
from tests.makers import at, counted_order, elsewhere, menu_item, order


@pytest.fixture(params=[Place.POSTGRESQL, Place.MONGODB])
def database(request: pytest.FixtureRequest) -> Iterator[MemoryDatabase]:
    database = MemoryDatabase(request.param)
    database.open()
    yield database
    database.close()


def prepared(database: MemoryDatabase) -> tuple[MongoOrders, MongoMenuItems]:
    stores = MongoOrders(database), MongoMenuItems(database)
    database.prepare()
    return stores


def test_a_memory_store_stands_in_for_either_place(database: MemoryDatabase) -> None:
    orders, _ = prepared(database)
    other = elsewhere(database.place)
    saved = orders.accept(order(), [Owing(other, at(), missed=False)])
    assert saved.source is database.place
    assert saved.version.at(database.place) == 1
    assert orders.backlog(other) == Backlog(waiting=1)
    assert [owed.record for owed in orders.claim(other, 10, at(1), at(2))] == [saved]


def test_two_memory_databases_share_nothing(database: MemoryDatabase) -> None:
    orders, _ = prepared(database)
    other = MemoryDatabase(database.place)
    other.open()
    saved = orders.save(order())
    assert prepared(other)[0].load([saved.id]) == {}


def test_what_is_kept_outlives_closing(database: MemoryDatabase) -> None:
    orders, _ = prepared(database)
    saved = orders.save(order())
    database.close()
    with pytest.raises(StoreUnavailable):
        orders.get(saved.id)
    with pytest.raises(StoreUnavailable):
        database.ping()
    database.open()
    assert database.ping().server == "memory"
    assert orders.get(saved.id) == saved


def test_no_time_left_means_unavailable_as_with_a_server(database: MemoryDatabase) -> None:
    orders, _ = prepared(database)
    with within(0), pytest.raises(StoreUnavailable):
        orders.save(order())


def test_a_failed_transaction_leaves_everything_as_it_was(database: MemoryDatabase) -> None:
    orders, items = prepared(database)
    plenty, scarce = items.save(menu_item(stock_limit=9)), items.save(menu_item(stock_limit=1))
    kept = orders.save(counted_order(plenty.id, 2))
    lines = kept.lines + counted_order(scarce.id, 5).lines
    with pytest.raises(Exhausted):
        orders.save(kept.changed(op_id=new_id().replace("-", ""), now=at(1), lines=lines))
    assert orders.get(kept.id) == kept
    counts = orders.counts([f"stock:{item.id}" for item in (plenty, scarce)])
    assert [count.held for count in counts.values()] == [2, 0]


def test_a_batch_with_a_unique_value_twice_counts_nothing_twice(database: MemoryDatabase) -> None:
    _, items = prepared(database)
    one, other = (menu_item(slug="soup", stock_limit=3).stamped(database.place) for _ in "12")
    answers = items.deliver([one, other])
    assert [answer.taken for answer in answers] == [Taken.STORED] * 2
    with pytest.raises(DuplicateKey):
        items.save(menu_item(slug="soup"))
    again = items.deliver([one, replace(other)])
    assert [answer.taken for answer in again] == [Taken.HAD_IT] * 2


def test_a_missing_mongomock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "adapters.memory.collection", raising=False)
    monkeypatch.setitem(sys.modules, "mongomock", None)
    with pytest.raises(ModuleNotFoundError, match="pip install mongomock"):
        MemoryDatabase()
