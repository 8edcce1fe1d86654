"""The databases that hold records, each with the stores that use it."""

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
    """A database, and for each kind the factory of its store there."""

    database: Database
    stores: StoreFactories


@dataclass(frozen=True, slots=True)
class AuxConnection:
    """A named connection to a server that holds no records."""

    engine: str
    role: str
    connection: Connection


def postgres_backend(
    url: str,
    kinds: Sequence[KindRow],
    pool: tuple[int, int] = DEFAULT_POOL,
    find_migrations: Callable[[], Sequence[Migration]] = replication_migrations,
) -> Backend:
    """PostgreSQL. `pool` is the minimum and maximum number of connections."""
    pool_min, pool_max = pool
    database = PostgresDatabase(
        url, pool_min=pool_min, pool_max=pool_max, find_migrations=find_migrations
    )
    return Backend(database, {row.name: row.postgres for row in kinds})


def mongo_backend(
    url: str, kinds: Sequence[KindRow], pool: tuple[int, int] = DEFAULT_POOL
) -> Backend:
    """MongoDB. `pool` is the minimum and maximum number of connections."""
    pool_min, pool_max = pool
    database = MongoDatabase(url, pool_min=pool_min, pool_max=pool_max)
    return Backend(database, {row.name: row.mongo for row in kinds})
