"""The PostgreSQL adapter while its server is frozen, dead, or just back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest

from adapters.embedded.tcp_ports import free_port
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.orders import PostgresOrders
from dinerapp.replication.deadline import within
from dinerapp.replication.errors import OutcomeUnknown, StoreFailure, StoreUnavailable
from dinerapp.replication.identity import new_id
from tests.contracts.samples import run_concurrently
from tests.factories import order
from tests.servers.control import RealServer
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.faults

LIMIT = 0.3
AT_ONCE = 0.1
MARGIN = 0.15


@pytest.fixture
def orders(own_postgres: RealServer) -> Iterator[PostgresOrders]:
    database = PostgresDatabase(own_postgres.url, pool_min=4)
    orders = PostgresOrders(database)
    database.open()
    database.prepare()
    run_concurrently([partial(orders.load, [new_id()])] * 8)
    yield orders
    own_postgres.thaw()
    database.close()


@pytest.fixture
def database(orders: PostgresOrders) -> PostgresDatabase:
    return orders._database


def failure_within(limit: float, call: Callable[[], object]) -> tuple[StoreFailure, float]:
    """How the call failed, and after how many seconds."""
    start = time.monotonic()
    with pytest.raises(StoreFailure) as failed, within(limit):
        call()
    return failed.value, time.monotonic() - start


def test_a_write_to_a_frozen_server_ends_at_the_deadline_and_is_unknown(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    record = order(4)
    own_postgres.freeze()
    failure, seconds = failure_within(LIMIT, lambda: orders.save(record))
    assert isinstance(failure, OutcomeUnknown)
    assert LIMIT - 0.05 < seconds < LIMIT + MARGIN


def test_a_read_from_a_frozen_server_ends_at_the_deadline(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    own_postgres.freeze()
    failure, seconds = failure_within(LIMIT, lambda: orders.load([new_id()]))
    assert isinstance(failure, StoreUnavailable)
    assert LIMIT - 0.05 < seconds < LIMIT + MARGIN


def test_more_callers_than_connections_all_leave_a_frozen_server_at_the_deadline(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    own_postgres.freeze()
    calls = [partial(failure_within, LIMIT, lambda: orders.save(order())) for _ in range(20)]
    assert max(seconds for _, seconds in run_concurrently(calls)) < LIMIT + MARGIN


def test_a_server_that_thaws_is_used_again(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    own_postgres.freeze()
    run_concurrently(
        [partial(failure_within, LIMIT, lambda: orders.save(order())) for _ in range(10)]
    )
    own_postgres.thaw()
    results = run_concurrently([partial(orders.save, order()) for _ in range(10)])
    assert [result for result in results if isinstance(result, Exception)] == []


def test_a_dead_server_is_left_at_once_and_got_nothing(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    own_postgres.kill9()
    for call in (lambda: orders.save(order()), lambda: orders.load([new_id()])) * 4:
        failure, seconds = failure_within(5, call)
        assert isinstance(failure, StoreUnavailable)
        assert seconds < AT_ONCE


@pytest.mark.parametrize("told", [True, False])
def test_a_server_that_is_back_is_used_at_once(
    orders: PostgresOrders, own_postgres: RealServer, database: PostgresDatabase, told: bool
) -> None:
    kept = orders.save(order())
    for _ in range(2):
        own_postgres.kill9()
        failure_within(1, database.ping)
        own_postgres.start()
        database.ping()
        if told:
            database.reset()
        assert orders.get(kept.id) == kept
        results = run_concurrently([partial(orders.save, order()) for _ in range(8)])
        assert [result for result in results if isinstance(result, Exception)] == []


def test_a_connection_that_a_restart_cut_is_not_written_to(
    orders: PostgresOrders, own_postgres: RealServer
) -> None:
    own_postgres.restart()
    saved = [orders.save(order()) for _ in range(8)]
    assert all(orders.get(each.id) == each for each in saved)


def test_a_client_that_never_reached_its_server_starts_without_it(
    own_postgres: RealServer,
) -> None:
    own_postgres.kill9()
    database = PostgresDatabase(own_postgres.url)
    orders = PostgresOrders(database)
    database.open()
    failure, seconds = failure_within(5, lambda: orders.save(order()))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < AT_ONCE
    own_postgres.start()
    database.prepare()
    saved = orders.save(order())
    assert orders.get(saved.id) == saved
    database.close()


def test_a_ping_of_a_dead_server_fails_at_once(
    own_postgres: RealServer, database: PostgresDatabase
) -> None:
    own_postgres.kill9()
    assert failure_within(5, database.ping)[1] < AT_ONCE


def test_a_ping_does_not_hang_with_the_server(
    own_postgres: RealServer, database: PostgresDatabase
) -> None:
    own_postgres.freeze()
    assert failure_within(10, database.ping)[1] < 2.5


def test_a_write_whose_answer_is_lost_is_unknown_and_was_done(
    own_postgres: RealServer, orders: PostgresOrders
) -> None:
    record = order()
    with FaultProxy("127.0.0.1", own_postgres.port) as proxy:
        database = PostgresDatabase(own_postgres.url_via(proxy.url_port))
        through = PostgresOrders(database)
        database.open()
        through.load([record.id])
        proxy.swallow_replies_when(lambda request: record.id.encode() in request)
        failure, _ = failure_within(2, lambda: through.save(record))
        database.close()
    assert isinstance(failure, OutcomeUnknown)
    assert orders.get(record.id).op_id == record.op_id


def test_a_server_that_takes_no_writes_is_not_one(
    own_postgres: RealServer, orders: PostgresOrders, database: PostgresDatabase
) -> None:
    database.execute("ALTER DATABASE diner SET default_transaction_read_only = on", ())
    try:
        failure_within(2, database.ping)
        database.reset()
        assert isinstance(failure_within(2, lambda: orders.save(order()))[0], StoreUnavailable)
    finally:
        own_postgres.restart()


def test_of_several_hosts_the_one_that_serves_is_found(own_postgres: RealServer) -> None:
    url = urlsplit(own_postgres.url)
    credentials, _, address = url.netloc.rpartition("@")
    hosts = f"{credentials}@127.0.0.1:{free_port()},{address}"
    database = PostgresDatabase(url._replace(netloc=hosts).geturl())
    database.open()
    database.prepare()
    assert database.ping().server.startswith("PostgreSQL")
    assert database.has_full_copy() is False
    database.close()


def test_without_time_or_before_it_is_open_nothing_is_asked(fresh_postgres_url: str) -> None:
    database = PostgresDatabase(fresh_postgres_url)
    orders = PostgresOrders(database)
    assert isinstance(failure_within(1, lambda: orders.load([new_id()]))[0], StoreUnavailable)
    database.open()
    failure, seconds = failure_within(0, lambda: orders.save(order()))
    assert isinstance(failure, StoreUnavailable)
    assert seconds < AT_ONCE
    database.close()
    assert isinstance(failure_within(1, lambda: orders.save(order()))[0], StoreUnavailable)


def test_the_pool_tells_open_and_busy_connections(fresh_postgres_url: str) -> None:
    database = PostgresDatabase(fresh_postgres_url, pool_min=1, pool_max=3)
    assert database.pool_usage().size == 3
    database.open()
    database.prepare()
    use = database.run(lambda _: database.pool_usage(), writes=False)
    assert (use.size, use.open, use.busy) == (3, 1, 1)
    assert database.pool_usage().busy == 0
    database.close()
