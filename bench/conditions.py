"""Ours when things are not well: either database killed, and a backlog being shipped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from adapters.embedded.server import EmbeddedServer
from bench.contenders import RunningContender
from bench.dataset import OURS, batches
from bench.environment import DatabaseServers
from bench.rounds import LoadFunction
from bench.wrk import Measurement
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime.container import Application

HEALTHY = "both up"
DOWN = {"postgresql": "PostgreSQL killed", "mongodb": "MongoDB killed"}
SHIPPING_BACKLOG = "a backlog being shipped"
BACKLOG_PER_SECOND = 10_000
"""Orders that are owed for each second that is measured."""
_HEALTH_REQUESTS = 24
"""New connections that must agree: they reach both workers, whichever takes which."""
_TIMEOUT_SECONDS = 300.0
_BACKLOG_DELAY = timedelta(hours=1)


@contextmanager
def kill_database(both: DatabaseServers, one: RunningContender, place: str) -> Iterator[None]:
    """The database is dead and ours knows it; afterwards it is back and has everything."""
    server: EmbeddedServer = {"postgresql": both.postgres, "mongodb": both.mongo}[place]
    os.kill(server.pid or 0, signal.SIGKILL)
    wait_until(lambda: not server.running, f"the end of {place}")
    _await_all(one, lambda health: not health["databases"][place], f"{place} is noticed missing")
    try:
        yield
    finally:
        server.start()
        await_health(one)


def await_health(one: RunningContender) -> None:
    """Until all workers say that both databases are up."""
    _await_all(one, lambda health: health["status"] == "healthy", "both are up again")


def with_backlog(both: DatabaseServers, diner: Application, shoot: LoadFunction) -> LoadFunction:
    """The same with a backlog that is shipped all the while."""

    def shoot_with_backlog(connections: int, seconds: float) -> Measurement:
        _add_backlog(both, diner, round(BACKLOG_PER_SECOND * seconds) - _due_entries(both))
        shot = shoot(connections, seconds)
        if _due_entries(both):
            return shot
        return replace(shot, invalid_reason="the backlog was shipped before the round was over")

    return shoot_with_backlog


def await_shipped(both: DatabaseServers) -> None:
    """Until nothing is owed."""
    wait_until(lambda: not _count_entries(both, "infinity"), "the backlog to be shipped")


def wait_until(done: Callable[[], bool], what: str, seconds: float = _TIMEOUT_SECONDS) -> None:
    """Waits; TimeoutError when it takes too long."""
    give_up = time.monotonic() + seconds
    while not done():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)


def _await_all(one: RunningContender, is_so: Callable[[dict[str, Any]], bool], what: str) -> None:
    wait_until(
        lambda: all(is_so(one.fetch("/api/health")[1]) for _ in range(_HEALTH_REQUESTS)), what
    )


def _add_backlog(both: DatabaseServers, diner: Application, count: int) -> None:
    """Orders in PostgreSQL that MongoDB has not got; all of them fall due at once, at the end."""
    source = diner.replication.pairs["orders"].store_of(StoreId.POSTGRESQL)
    debt = [OutboxEntry(StoreId.MONGODB, utc_now() + _BACKLOG_DELAY, undelivered=False)]
    for states in batches(count):
        source.deliver(states, debt)
    with psycopg.connect(both.postgres_url(OURS)) as connection:
        connection.execute("UPDATE outbox SET due = now()")


def _due_entries(both: DatabaseServers) -> int:
    """What is due: neither being delivered nor claimed by a relay."""
    return _count_entries(both, "now")


def _count_entries(both: DatabaseServers, due: str) -> int:
    """The debts that are due by then."""
    with psycopg.connect(both.postgres_url(OURS)) as connection:
        query = "SELECT count(*) FROM outbox WHERE due <= %s::timestamptz"
        [found] = connection.execute(query, (due,)).fetchall()
    return int(found[0])
