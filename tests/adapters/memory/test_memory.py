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
from dinerapp.replication.ports.replica import ApplyOutcome, Backlog, OutboxEntry
from dinerapp.replication.version import StoreId
from tests.factories import at, menu_item, order, other_store, stocked_order


@pytest.fixture(params=[StoreId.POSTGRESQL, StoreId.MONGODB])
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
    other = other_store(database.store_id)
    saved = orders.accept(order(), [OutboxEntry(other, at(), undelivered=False)])
    assert saved.source is database.store_id
    assert saved.version.counter_of(database.store_id) == 1
    assert orders.backlog(other) == Backlog(waiting=1)
    assert [claimed.record for claimed in orders.claim(other, 10, at(1), at(2))] == [saved]


def test_two_memory_databases_share_nothing(database: MemoryDatabase) -> None:
    orders, _ = prepared(database)
    other = MemoryDatabase(database.store_id)
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
    kept = orders.save(stocked_order(plenty.id, 2))
    lines = kept.lines + stocked_order(scarce.id, 5).lines
    with pytest.raises(Exhausted):
        orders.save(kept.with_changes(op_id=new_id().replace("-", ""), now=at(1), lines=lines))
    assert orders.get(kept.id) == kept
    counts = orders.usage([f"stock:{item.id}" for item in (plenty, scarce)])
    assert [count.reserved for count in counts.values()] == [2, 0]


def test_a_batch_with_a_unique_value_twice_counts_nothing_twice(database: MemoryDatabase) -> None:
    _, items = prepared(database)
    one, other = (
        menu_item(slug="soup", stock_limit=3).as_accepted_by(database.store_id) for _ in "12"
    )
    answers = items.deliver([one, other])
    assert [answer.outcome for answer in answers] == [ApplyOutcome.STORED] * 2
    with pytest.raises(DuplicateKey):
        items.save(menu_item(slug="soup"))
    again = items.deliver([one, replace(other)])
    assert [answer.outcome for answer in again] == [ApplyOutcome.ALREADY_APPLIED] * 2


def test_a_missing_mongomock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "adapters.memory.collection", raising=False)
    monkeypatch.setitem(sys.modules, "mongomock", None)
    with pytest.raises(ModuleNotFoundError, match="pip install mongomock"):
        MemoryDatabase()
