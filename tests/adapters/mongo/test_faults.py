"""The MongoDB adapter while its server is frozen, dead, or just back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pymongo.client_session import ClientSession

from adapters.mongo.database import MongoDatabase
from adapters.mongo.orders import MongoOrders
from dinerapp.replication.deadline import within
from dinerapp.replication.errors import OutcomeUnknown, StoreFailure, StoreUnavailable
from dinerapp.replication.identity import new_id
from dinerapp.replication.version import StoreId
from tests.contracts.samples import run_concurrently
from tests.factories import order, stocked_order
from tests.servers.control import RealServer

pytestmark = pytest.mark.faults

LIMIT = 0.3
AT_ONCE = 0.02
MARGIN = 0.15


@pytest.fixture
def orders(own_mongo: RealServer) -> Iterator[MongoOrders]:
    database = MongoDatabase(own_mongo.url, pool_min=4)
    orders = MongoOrders(database)
    database.open()
    database.prepare()
    run_concurrently([partial(orders.load, [new_id()])] * 8)
    yield orders
    own_mongo.thaw()
    database.close()


def failure_within(limit: float, call: Callable[[], object]) -> tuple[StoreFailure, float]:
    """How the call failed, and after how many seconds."""
    start = time.monotonic()
    with pytest.raises(StoreFailure) as failed, within(limit):
        call()
    return failed.value, time.monotonic() - start


def seconds_until_pinged(database: MongoDatabase) -> float:
    start = time.monotonic()
    while True:
        try:
            database.ping()
        except StoreUnavailable:
            assert time.monotonic() - start < 5
        else:
            return time.monotonic() - start


def test_a_write_to_a_frozen_server_ends_at_the_deadline_and_is_unknown(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    record = order(4)
    own_mongo.freeze()
    failure, seconds = failure_within(LIMIT, lambda: orders.save(record))
    assert isinstance(failure, OutcomeUnknown)
    assert LIMIT - 0.05 < seconds < LIMIT + MARGIN
    own_mongo.thaw()
    seconds_until_pinged(orders.database)
    # It was on its way into the server, which did it once it could.
    assert record.id in orders.load([record.id])


def test_a_counted_write_to_a_frozen_server_ends_at_the_deadline_without_effect(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    record = stocked_order("soup")
    own_mongo.freeze()
    failure, seconds = failure_within(LIMIT, lambda: orders.save(record))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < LIMIT + MARGIN
    own_mongo.thaw()
    seconds_until_pinged(orders.database)
    assert orders.load([record.id]) == {}
    assert orders.usage(["stock:soup"])["stock:soup"].reserved == 0


def test_a_commit_that_gets_no_answer_is_unknown(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    def work(session: ClientSession | None) -> None:
        orders.collection.insert_one({"_id": new_id()}, session=session)
        own_mongo.freeze()

    failure, seconds = failure_within(LIMIT, lambda: orders.database.transact(work))
    assert isinstance(failure, OutcomeUnknown)
    assert seconds < LIMIT + MARGIN


def test_a_read_from_a_frozen_server_ends_at_the_deadline(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    own_mongo.freeze()
    failure, seconds = failure_within(LIMIT, lambda: orders.load([new_id()]))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < LIMIT + MARGIN


def test_many_callers_of_a_frozen_server_all_end_at_the_deadline(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    own_mongo.freeze()
    calls = [partial(failure_within, LIMIT, lambda: orders.save(order())) for _ in range(20)]
    calls += [partial(failure_within, LIMIT, lambda: orders.save(stocked_order("x")))] * 4
    results = run_concurrently(calls)
    assert max(seconds for _, seconds in results) < LIMIT + MARGIN


def test_a_frozen_server_is_known_to_be_lost_before_long(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    own_mongo.freeze()
    time.sleep(3.5)
    for call in (lambda: orders.save(order()), lambda: orders.load([new_id()])):
        failure, seconds = failure_within(LIMIT, call)
        assert isinstance(failure, StoreUnavailable)
        assert seconds < AT_ONCE


def test_a_ping_does_not_hang_with_the_server(orders: MongoOrders, own_mongo: RealServer) -> None:
    orders.database.ping()
    own_mongo.freeze()
    for _ in range(3):
        _, seconds = failure_within(10, orders.database.ping)
        assert seconds < 1.2
    own_mongo.thaw()
    assert seconds_until_pinged(orders.database) < 1.5
    orders.save(order())


def test_a_dead_server_is_left_at_once(orders: MongoOrders, own_mongo: RealServer) -> None:
    own_mongo.kill9()
    time.sleep(0.1)
    for call in (lambda: orders.save(order()), lambda: orders.load([new_id()])):
        failure, seconds = failure_within(LIMIT, call)
        assert isinstance(failure, StoreUnavailable)
        assert seconds < AT_ONCE


def test_a_server_that_is_back_is_noticed_and_used_at_once(
    orders: MongoOrders, own_mongo: RealServer
) -> None:
    kept = orders.save(order())
    for _ in range(2):
        own_mongo.kill9()
        failure_within(1, orders.database.ping)
        own_mongo.start()
        assert seconds_until_pinged(orders.database) < 1.0
        orders.database.reset()
        assert orders.get(kept.id) == kept
        results = run_concurrently([partial(orders.save, order()) for _ in range(8)])
        assert [result for result in results if isinstance(result, Exception)] == []


def test_a_client_that_never_reached_its_server_starts_without_it(own_mongo: RealServer) -> None:
    own_mongo.kill9()
    database = MongoDatabase(own_mongo.url)
    orders = MongoOrders(database)
    database.open()
    failure, seconds = failure_within(LIMIT, lambda: orders.save(order()))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < 0.5 + MARGIN
    own_mongo.start()
    assert seconds_until_pinged(database) < 1.0
    database.prepare()
    assert orders.save(order()).version.counter_of(StoreId.MONGODB) == 1
    database.close()


def test_the_first_call_needs_no_ping_before_it(fresh_mongo_url: str) -> None:
    database = MongoDatabase(fresh_mongo_url)
    orders = MongoOrders(database)
    database.open()
    with within(2):
        saved = orders.save(order())
    assert orders.get(saved.id) == saved
    database.close()


def test_without_time_or_before_it_is_open_nothing_is_asked(fresh_mongo_url: str) -> None:
    database = MongoDatabase(fresh_mongo_url)
    orders = MongoOrders(database)
    assert isinstance(failure_within(1, lambda: orders.load([new_id()]))[0], StoreUnavailable)
    database.open()
    failure, seconds = failure_within(0, lambda: orders.save(order()))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < AT_ONCE
    database.close()
    assert isinstance(failure_within(1, lambda: orders.save(order()))[0], StoreUnavailable)


def test_the_pool_tells_open_and_busy_connections(own_mongo: RealServer) -> None:
    database = MongoDatabase(own_mongo.url, pool_min=0, pool_max=3)
    orders = MongoOrders(database)
    database.open()
    orders.load([new_id()])
    use = database.pool_usage()
    assert (use.size, use.open, use.busy) == (3, 1, 0)
    with database.reading():
        found = orders.collection.find({}, batch_size=2)
        run_concurrently([partial(orders.load, [new_id()])] * 6)
        found.close()
    assert 1 <= database.pool_usage().open <= 3
    database.close()
    assert database.pool_usage().open == 0
