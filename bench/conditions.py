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
from bench.filling import OURS, batches
from bench.ground import Servers
from bench.rounds import Shoot
from bench.subjects import Running
from bench.wrk import Shot
from dinerapp.replication.ports.replica import Owing
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import Place
from dinerapp.runtime.container import Application

HEALTHY = "both up"
DOWN = {"postgresql": "PostgreSQL killed", "mongodb": "MongoDB killed"}
SHIPPING = "a backlog being shipped"
BACKLOG = 10_000
"""Orders that are owed for each second that is measured."""
_ASKED = 24
"""New connections that must agree: they reach both workers, whichever takes which."""
_PATIENCE = 300.0
_LATER = timedelta(hours=1)


@contextmanager
def killed(both: Servers, one: Running, place: str) -> Iterator[None]:
    """The database is dead and ours knows it; afterwards it is back and has everything."""
    server: EmbeddedServer = {"postgresql": both.postgres, "mongodb": both.mongo}[place]
    os.kill(server.pid or 0, signal.SIGKILL)
    until(lambda: not server.running, f"the end of {place}")
    _await_all(one, lambda health: not health["databases"][place], f"{place} is noticed missing")
    try:
        yield
    finally:
        server.start()
        await_health(one)


def await_health(one: Running) -> None:
    """Until all workers say that both databases are up."""
    _await_all(one, lambda health: health["status"] == "healthy", "both are up again")


def with_backlog(both: Servers, diner: Application, shoot: Shoot) -> Shoot:
    """The same with a backlog that is shipped all the while."""

    def shoot_with_backlog(connections: int, seconds: float) -> Shot:
        _owe(both, diner, round(BACKLOG * seconds) - _waiting(both))
        shot = shoot(connections, seconds)
        if _waiting(both):
            return shot
        return replace(shot, spoilt="the backlog was shipped before the round was over")

    return shoot_with_backlog


def await_shipped(both: Servers) -> None:
    """Until nothing is owed."""
    until(lambda: not _counted(both, "infinity"), "the backlog to be shipped")


def until(done: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> None:
    """Waits; TimeoutError when it takes too long."""
    give_up = time.monotonic() + seconds
    while not done():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)


def _await_all(one: Running, is_so: Callable[[dict[str, Any]], bool], what: str) -> None:
    until(lambda: all(is_so(one.ask("/api/health")[1]) for _ in range(_ASKED)), what)


def _owe(both: Servers, diner: Application, count: int) -> None:
    """Orders in PostgreSQL that MongoDB has not got; all of them fall due at once, at the end."""
    source = diner.replication.pairs["orders"].at(Place.POSTGRESQL)
    debt = [Owing(Place.MONGODB, utc_now() + _LATER, missed=False)]
    for states in batches(count):
        source.deliver(states, debt)
    with psycopg.connect(both.postgres_url(OURS)) as connection:
        connection.execute("UPDATE outbox SET due = now()")


def _waiting(both: Servers) -> int:
    """What is due: neither being delivered nor claimed by a relay."""
    return _counted(both, "now")


def _counted(both: Servers, due: str) -> int:
    """The debts that are due by then."""
    with psycopg.connect(both.postgres_url(OURS)) as connection:
        query = "SELECT count(*) FROM outbox WHERE due <= %s::timestamptz"
        [found] = connection.execute(query, (due,)).fetchall()
    return int(found[0])
