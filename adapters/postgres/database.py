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
from adapters.postgres.document_table import TableSpec, create_tables
from adapters.postgres.errors import translate_errors
from adapters.postgres.migrator import Migration, migrate, migrations
from adapters.postgres.pool import DeadlinePool
from dinerapp.replication.deadline import within
from dinerapp.replication.errors import Contended, StoreUnavailable
from dinerapp.replication.ports.database import Database, Ping, PoolUsage, SuspicionLease
from dinerapp.replication.version import StoreId

T = TypeVar("T")
Params = Mapping[str, Any] | Sequence[Any]

_MAX_TRIES = 4
_MIGRATION_SECONDS = 600.0
_PING_SECONDS = 2.0

_PING = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       current_setting('server_version') AS version
"""
_MARK_JOINED = "INSERT INTO meta (name) VALUES ('joined') ON CONFLICT DO NOTHING"
_HAS_JOINED = "SELECT name FROM meta WHERE name = 'joined'"
_UPSERT_SUSPICION = """
INSERT INTO absences (store, process, until) VALUES (%s, %s, %s)
ON CONFLICT (store, process) DO UPDATE SET until = excluded.until
"""
_DELETE_SUSPICION = "DELETE FROM absences WHERE store = %s AND process = %s AND until <= %s"
_SELECT_SUSPICIONS = (
    "SELECT store, process, until FROM absences WHERE until > %s ORDER BY store, process"
)


class PostgresDatabase(Database):
    """Owns the connection pool and translates the errors of psycopg. Document stores declare their
    tables here."""

    store_id = StoreId.POSTGRESQL

    def __init__(
        self,
        dsn: str,
        *,
        pool_min: int = 2,
        pool_max: int = 10,
        name: str = "postgresql",
        default_timeout: float = 5.0,
        find_migrations: Callable[[], Sequence[Migration]] = migrations,
    ) -> None:
        self.name = name
        self._dsn = dsn
        self._find_migrations = find_migrations
        self._sizes = (pool_min, pool_max)
        self._default_timeout = default_timeout
        self._pool: DeadlinePool | None = None
        self._specs: dict[str, TableSpec] = {}

    def declare(self, spec: TableSpec) -> None:
        """Makes `prepare` create this table, too."""
        self._specs[spec.table] = spec

    def open(self) -> None:
        if self._pool is None:
            min_size, max_size = self._sizes
            self._pool = DeadlinePool(
                self._dsn,
                min_size=min_size,
                max_size=max_size,
                name=self.name,
                timeout=self._default_timeout,
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
        started = time.monotonic()
        with within(_PING_SECONDS), self._direct_connection() as connection:
            row = connection.execute(_PING).fetchall()[0]
            host = connection.info.host
        if row["read_only"]:
            raise StoreUnavailable(self.store_id, "the server does not accept writes")
        details = {"version": row["version"], "host": host}
        return Ping(time.monotonic() - started, f"PostgreSQL {row['version']}", details)

    def pool_usage(self) -> PoolUsage:
        if self._pool is None:
            return PoolUsage(size=self._sizes[1])
        stats = self._pool.get_stats()
        opened = stats["pool_size"]
        return PoolUsage(stats["pool_max"], opened, opened - stats["pool_available"])

    def has_full_copy(self) -> bool:
        return bool(self.fetch(_HAS_JOINED))

    def mark_full_copy(self) -> None:
        self.execute(_MARK_JOINED, ())

    def publish_suspicion(self, lease: SuspicionLease) -> None:
        self.execute(_UPSERT_SUSPICION, (lease.store_id, lease.process, lease.until))

    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        self.execute(_DELETE_SUSPICION, (lease.store_id, lease.process, lease.until))

    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        rows = self.fetch(_SELECT_SUSPICIONS, (now,))
        return [SuspicionLease(StoreId(row["store"]), row["process"], row["until"]) for row in rows]

    def fetch(self, query: str, params: Params = (), *, writes: bool = False) -> list[Row]:
        """Executes one statement and returns its rows, in one round trip."""
        return self.run(
            lambda connection: connection.execute(query, params).fetchall(), writes=writes
        )

    def execute(self, query: str, params: Params) -> None:
        """Executes one statement that changes data and returns no rows, in one round trip."""
        self.run(lambda connection: connection.execute(query, params), writes=True)

    def run(self, work: Callable[[DeadlineConnection], T], *, writes: bool) -> T:
        """Runs `work` on a pooled connection; retries after a deadlock or serialization failure."""
        for _ in range(_MAX_TRIES - 1):
            try:
                return self._run_once(work, writes=writes)
            except Contended:
                continue
        return self._run_once(work, writes=writes)

    def _run_once(self, work: Callable[[DeadlineConnection], T], *, writes: bool) -> T:
        pool = self._pool
        if pool is None:
            raise StoreUnavailable(self.store_id, "the pool is not open")
        with translate_errors(self.store_id, writes=False):
            connection = pool.acquire()
        try:
            with translate_errors(self.store_id, writes=writes):
                return work(connection)
        finally:
            pool.putconn(connection)

    @contextmanager
    def _direct_connection(self) -> Iterator[DeadlineConnection]:
        """A connection outside the pool. It fails at once if the server is not reachable."""
        with (
            translate_errors(self.store_id, writes=False),
            closing(DeadlineConnection.connect(conninfo(self._dsn), autocommit=True)) as connection,
        ):
            DeadlineConnection.configurer(self._default_timeout)(connection)
            yield connection

    def _migrate(self) -> None:
        with within(_MIGRATION_SECONDS), self._direct_connection() as connection:
            connection.execute("SET statement_timeout = 0")
            try:
                migrate(connection, self._find_migrations())
                create_tables(connection, list(self._specs.values()))
            except psycopg.Error as error:
                raise StoreUnavailable(self.store_id, f"a migration failed: {error}") from error
