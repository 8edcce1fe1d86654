"""Orders as they change: nothing is skipped, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.mongo.orders import MongoOrders
from dinerapp.live import feed as feeds
from dinerapp.live.feed import CursorExpired, StreamQuota, TooManyStreams
from dinerapp.live.signals import remote_change
from dinerapp.ordering.services.order_feed import OrderFeed, OrderStream
from dinerapp.ordering.signals import order_placed
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.signals import announce, connection_restored
from dinerapp.replication.version import StoreId
from tests.factories import at, order
from tests.unit.clocks import ManualClock


@pytest.fixture
def orders() -> Iterator[MongoOrders]:
    database = MemoryDatabase(StoreId.POSTGRESQL)
    orders = MongoOrders(database)
    database.open()
    database.prepare()
    yield orders
    database.close()


@pytest.fixture
def ending() -> Event:
    """Set when the process is about to end."""
    return Event()


@pytest.fixture
def news() -> Event:
    """Set when a reading is worth it."""
    return Event()


@pytest.fixture
def feed(orders: MongoOrders, clock: ManualClock, ending: Event, news: Event) -> OrderFeed:
    made = OrderFeed(orders, StreamQuota(2, ending.is_set), wake=news.set, now=clock)
    made.open()
    return made


def received(stream: OrderStream) -> list[str]:
    """The ids that wait in the stream."""
    found = []
    while (update := stream.next(0)) is not None:
        found.append(update.order.id)
    return found


def kept(orders: MongoOrders, seconds: float = 0, **fields: Any) -> Any:
    """An order that was changed so many seconds after noon."""
    return orders.save(order(created_at=at(seconds), **fields))


def moved(orders: MongoOrders, record: Any, seconds: float) -> Any:
    return orders.save(record.with_changes(op_id=new_op_id(), now=at(seconds), notes="moved"))


def test_every_stream_gets_every_change_once(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock
) -> None:
    streams = [feed.stream(None) for _ in range(2)]
    first = kept(orders, 1)
    clock.advance(2)
    for _ in range(3):
        feed.step()
        clock.advance(2)
    assert [received(stream) for stream in streams] == [[first.id]] * 2
    moved(orders, first, 9)
    feed.step()
    assert [received(stream) for stream in streams] == [[first.id]] * 2


def test_news_is_read_at_once_wherever_it_comes_from(
    feed: OrderFeed, orders: MongoOrders, news: Event
) -> None:
    stream = feed.stream(None)
    feed.step()
    here, there = kept(orders, 1), kept(orders, 2)
    news.clear()
    announce(order_placed, None, order=here)
    assert news.is_set()
    news.clear()
    announce(
        remote_change,
        None,
        topic="order_placed",
        kind="orders",
        record_id=there.id,
        version=str(there.version),
        details={},
    )
    assert news.is_set()
    feed.step()
    assert received(stream) == [here.id, there.id]


def test_what_is_committed_late_is_not_skipped(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock
) -> None:
    stream = feed.stream(None)
    early = kept(orders, 8)
    clock.advance(8)
    feed.step()
    late = kept(orders, 1)
    clock.advance(2)
    feed.step()
    assert received(stream) == [early.id, late.id]


def test_what_arrives_after_an_outage_is_not_skipped(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock
) -> None:
    clock.advance(1000)
    stream = feed.stream(None)
    feed.step()
    old = kept(orders, 800)
    clock.advance(2)
    feed.step()
    assert received(stream) == []
    announce(connection_restored, None, store="mongodb", seconds=300.0)
    clock.advance(2)
    feed.step()
    assert received(stream) == [old.id]


def test_an_older_state_does_not_follow_a_newer_one(feed: OrderFeed, orders: MongoOrders) -> None:
    stream = feed.stream(None)
    before = kept(orders, 1)
    after = moved(orders, before, 2)
    stream.offer([after, before])
    assert received(stream) == [after.id]


def test_a_stream_goes_on_where_an_earlier_one_ended(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock
) -> None:
    first = feed.stream(None)
    told = kept(orders, 1)
    feed.step()
    update = first.next(0)
    assert update is not None
    assert update.order.id == told.id
    first.close()
    clock.advance(600)
    missed = [kept(orders, seconds) for seconds in (30, 200, 500)]
    later = feed.stream(update.position)
    assert received(later) == [told.id, *(record.id for record in missed)]


def test_the_position_never_goes_back(feed: OrderFeed, orders: MongoOrders) -> None:
    stream = feed.stream(None)
    stream.offer([kept(orders, 5), kept(orders, 2)])
    positions = [update.position for _ in range(2) if (update := stream.next(0)) is not None]
    assert positions == [at(5), at(5)]


def test_a_stream_that_missed_too_much_is_told_so(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_MISSED", 3)
    for seconds in range(5):
        kept(orders, seconds)
    clock.advance(600)
    with pytest.raises(CursorExpired):
        feed.stream(at())
    assert [feed.stream(None) for _ in range(2)]


def test_a_new_stream_begins_however_much_has_changed_lately(
    feed: OrderFeed, orders: MongoOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_MISSED", 3)
    lately = [kept(orders, -seconds) for seconds in range(5)]
    stream = feed.stream(None)
    feed.step()
    assert set(received(stream)) == {record.id for record in lately}


def test_a_stream_that_begins_after_an_outage_does_not_get_all_that_happened_in_it(
    feed: OrderFeed, orders: MongoOrders, clock: ManualClock
) -> None:
    kept(orders, -300)
    announce(connection_restored, None, store="mongodb", seconds=600.0)
    feed.step()
    stream = feed.stream(None)
    feed.step()
    assert received(stream) == []


def test_only_so_many_streams_are_open_at_once(feed: OrderFeed) -> None:
    first, _ = feed.stream(None), feed.stream(None)
    with pytest.raises(TooManyStreams):
        feed.stream(None)
    first.close()
    feed.stream(None)


def test_a_watcher_who_is_too_slow_is_sent_away(
    feed: OrderFeed, orders: MongoOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_QUEUED", 2)
    stream = feed.stream(None)
    stream.offer([kept(orders, seconds) for seconds in range(4)])
    assert stream.is_over


def test_streams_end_with_the_process(feed: OrderFeed, ending: Event) -> None:
    one = feed.stream(None)
    ending.set()
    assert one.is_over
    ending.clear()
    feed.close()
    assert one.is_over


def test_a_store_that_is_away_loses_no_news(
    feed: OrderFeed, orders: MongoOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = feed.stream(None)
    feed.step()
    placed = kept(orders, 1)
    announce(order_placed, None, order=placed)

    def fails(_ids: object) -> Any:
        raise StoreUnavailable("postgresql", "for a test")

    with monkeypatch.context() as patch:
        patch.setattr(orders, "get_many", fails)
        feed.step()
    assert received(stream) == []
    feed.step()
    assert received(stream) == [placed.id]


def test_nothing_is_read_while_nobody_watches(
    feed: OrderFeed, orders: MongoOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "changed_since", None)
    monkeypatch.setattr(orders, "get_many", None)
    announce(order_placed, None, order=kept(orders))
    feed.step()
