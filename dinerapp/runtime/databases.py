"""The databases that hold records, each with the stores that are made on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.migrator import Migration, replication_migrations
from dinerapp.replication.errors import DinerError
from dinerapp.replication.ports.database import Connection, Database
from dinerapp.runtime.kind_row import KindRow, StoreFactories

DEFAULT_POOL = (2, 10)


class NoDatabase(DinerError):
    """Neither database is configured."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One store's database, and how a store of each kind is made on it."""

    database: Database
    stores: StoreFactories


@dataclass(frozen=True, slots=True)
class AuxConnection:
    """A named connection that holds no records of ours."""

    engine: str
    role: str
    connection: Connection


def postgres_backend(
    url: str,
    kinds: Sequence[KindRow],
    pool: tuple[int, int] = DEFAULT_POOL,
    find_migrations: Callable[[], Sequence[Migration]] = replication_migrations,
) -> Backend:
    """PostgreSQL, with a pool of at least and at most so many connections."""
    least, most = pool
    database = PostgresDatabase(url, pool_min=least, pool_max=most, find_migrations=find_migrations)
    return Backend(database, {row.name: row.postgres for row in kinds})


def mongo_backend(
    url: str, kinds: Sequence[KindRow], pool: tuple[int, int] = DEFAULT_POOL
) -> Backend:
    """MongoDB, with a pool of at least and at most so many connections."""
    least, most = pool
    database = MongoDatabase(url, pool_min=least, pool_max=most)
    return Backend(database, {row.name: row.mongo for row in kinds})
