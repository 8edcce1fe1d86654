"""One PostgreSQL server, or several behind one DSN."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import Context
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from adapters.postgres.connection import DeadlineConnection, Row, conninfo
from adapters.postgres.errors import translated
from adapters.postgres.migrating import migrate
from adapters.postgres.pool import Pool
from dinerapp.replication.deadline import within
from dinerapp.replication.errors import Contended, StoreUnavailable
from dinerapp.replication.ports.database import Absence, Database, Ping, PoolUse
from dinerapp.replication.version import Place

T = TypeVar("T")
Params = Mapping[str, Any] | Sequence[Any]

_TRIES = 4
_MIGRATION_SECONDS = 600.0
_PING_SECONDS = 2.0

_PING = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       current_setting('server_version') AS version
"""
_JOIN = "INSERT INTO meta (name) VALUES ('joined') ON CONFLICT DO NOTHING"
_HAS_JOINED = "SELECT name FROM meta WHERE name = 'joined'"
_REPORT = """
INSERT INTO absences (store, process, until) VALUES (%s, %s, %s)
ON CONFLICT (store, process) DO UPDATE SET until = excluded.until
"""
_WITHDRAW = "DELETE FROM absences WHERE store = %s AND process = %s AND until <= %s"
_ABSENCES = "SELECT store, process, until FROM absences WHERE until > %s ORDER BY store, process"


class PostgresDatabase(Database):
    """Holds the pool, and is the only one who sees psycopg's errors."""

    place = Place.POSTGRESQL

    def __init__(
        self,
        dsn: str,
        *,
        pool_min: int = 2,
        pool_max: int = 10,
        name: str = "postgresql",
        default_timeout: float = 5.0,
    ) -> None:
        self.name = name
        self._dsn = dsn
        self._sizes = (pool_min, pool_max)
        self._default_timeout = default_timeout
        self._pool: Pool | None = None

    def open(self) -> None:
        if self._pool is None:
            least, most = self._sizes
            self._pool = Pool(
                self._dsn, least=least, most=most, name=self.name, timeout=self._default_timeout
            )
            self._pool.open()

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def reset(self) -> None:
        if self._pool is not None:
            self._pool.drain()

    def prepare(self) -> None:
        Context().run(self._migrate)

    def ping(self) -> Ping:
        begun = time.monotonic()
        with within(_PING_SECONDS), self._direct() as connection:
            answer = connection.execute(_PING).fetchall()[0]
            host = connection.info.host
        if answer["read_only"]:
            raise StoreUnavailable(self.place, "the server takes no writes")
        details = {"version": answer["version"], "host": host}
        return Ping(time.monotonic() - begun, f"PostgreSQL {answer['version']}", details)

    def pool(self) -> PoolUse:
        if self._pool is None:
            return PoolUse(size=self._sizes[1])
        stats = self._pool.get_stats()
        opened = stats["pool_size"]
        return PoolUse(stats["pool_max"], opened, opened - stats["pool_available"])

    def has_joined(self) -> bool:
        return bool(self.ask(_HAS_JOINED))

    def join(self) -> None:
        self.tell(_JOIN, ())

    def report_absence(self, absence: Absence) -> None:
        self.tell(_REPORT, (absence.store, absence.process, absence.until))

    def withdraw_absence(self, absence: Absence) -> None:
        self.tell(_WITHDRAW, (absence.store, absence.process, absence.until))

    def absences(self, now: datetime) -> Sequence[Absence]:
        found = self.ask(_ABSENCES, (now,))
        return [Absence(Place(row["store"]), row["process"], row["until"]) for row in found]

    def ask(self, query: str, params: Params = (), *, writes: bool = False) -> list[Row]:
        """The rows that one statement returns, in one round trip."""
        return self.attempt(lambda on: on.execute(query, params).fetchall(), writes=writes)

    def tell(self, query: str, params: Params) -> None:
        """One statement that changes something and returns nothing, in one round trip."""
        self.attempt(lambda on: on.execute(query, params), writes=True)

    def attempt(self, work: Callable[[DeadlineConnection], T], *, writes: bool) -> T:
        """The work on a connection, repeated if others stood in its way."""
        for _ in range(_TRIES - 1):
            try:
                return self._once(work, writes=writes)
            except Contended:
                continue
        return self._once(work, writes=writes)

    def _once(self, work: Callable[[DeadlineConnection], T], *, writes: bool) -> T:
        pool = self._pool
        if pool is None:
            raise StoreUnavailable(self.place, "the pool is not open")
        with translated(self.place, writes=False):
            connection = pool.take()
        try:
            with translated(self.place, writes=writes):
                return work(connection)
        finally:
            pool.putconn(connection)

    @contextmanager
    def _direct(self) -> Iterator[DeadlineConnection]:
        """A connection outside the pool: it says at once when the server is not there."""
        with (
            translated(self.place, writes=False),
            closing(DeadlineConnection.connect(conninfo(self._dsn), autocommit=True)) as connection,
        ):
            DeadlineConnection.preparing(self._default_timeout)(connection)
            yield connection

    def _migrate(self) -> None:
        with within(_MIGRATION_SECONDS), self._direct() as connection:
            connection.execute("SET statement_timeout = 0")
            try:
                migrate(connection)
            except psycopg.Error as error:
                raise StoreUnavailable(self.place, f"a migration failed: {error}") from error
