"""The stores under contract: one fixture each. `over.py` names them for `parametrize`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pymongo import MongoClient
from pymongo.database import Database as Collections

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.composite import ReplicationContext, compose
from adapters.fallback.guarded_store import GuardedStore
from adapters.fallback.store_health import StoreHealth
from adapters.memory.database import MemoryDatabase
from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.ports.database import Database
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.served_by import StoreRole
from dinerapp.replication.version import StoreId
from dinerapp.runtime import registry
from dinerapp.runtime.wing import KindRow
from tests.contracts.samples import Repositories, Sample, Stores
from tests.contracts.visits import Visits
from tests.servers.control import RealServer, url_of_database
from tests.simulation.reference import ReferenceDatabase, reference_store

KINDS = (*registry.KINDS, KindRow.documents(Visits))
PORTS = {row.name: row.port for row in KINDS}
POSTGRES_STORES = {row.name: row.postgres for row in KINDS}
MONGO_STORES = {row.name: row.mongo for row in KINDS}

_EMPTY_TABLES = """
DO $$
DECLARE filled text;
BEGIN
    FOR filled IN
        SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('migrations', 'envelope')
    LOOP
        EXECUTE format('DELETE FROM %I', filled);
    END LOOP;
END $$
"""
Ports = Mapping[str, type[Repository[Any]]]
PreparedStores = tuple[Stores, Callable[[], None]]


@pytest.fixture
def repositories(request: pytest.FixtureRequest) -> Any:
    """The store or composite that the class is parametrized with."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def stores(repositories: Stores) -> Stores:
    """The same, where the suite is about stores."""
    return repositories


@pytest.fixture
def repository(repositories: Repositories, sample: Sample) -> Any:
    """The one of the sample's kind."""
    return getattr(repositories, sample.name)


@pytest.fixture
def store(stores: Stores, sample: Sample) -> Any:
    """The one of the sample's kind."""
    return getattr(stores, sample.name)


@pytest.fixture
def reference() -> Stores:
    return reference_stores(StoreId.POSTGRESQL)


@pytest.fixture
def memory() -> Iterator[Stores]:
    database = MemoryDatabase(StoreId.POSTGRESQL)
    with open_stores(stores_of(MONGO_STORES, database)) as it:
        yield it


@pytest.fixture(scope="package")
def prepared_postgresql(postgres_server: RealServer) -> Iterator[PreparedStores]:
    name = f"contracts_{uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = url_of_database(postgres_server.url, name)
    database = PostgresDatabase(url)
    stores = stores_of(POSTGRES_STORES, database)
    with open_stores(stores), psycopg.connect(url, autocommit=True) as connection:
        yield stores, partial(empty_postgresql, connection)


@pytest.fixture(scope="package")
def prepared_mongodb(mongo_server: RealServer) -> Iterator[PreparedStores]:
    url = url_of_database(mongo_server.url, f"contracts_{uuid4().hex}")
    database = MongoDatabase(url)
    stores = stores_of(MONGO_STORES, database)
    client: MongoClient[dict[str, Any]]
    with open_stores(stores), MongoClient(url) as client:
        yield stores, partial(empty_mongodb, client.get_default_database())


@pytest.fixture
def postgresql(prepared_postgresql: PreparedStores) -> Stores:
    stores, empty = prepared_postgresql
    empty()
    return stores


@pytest.fixture
def mongodb(prepared_mongodb: PreparedStores) -> Stores:
    stores, empty = prepared_mongodb
    empty()
    return stores


@pytest.fixture
def fallback_of_references() -> Repositories:
    return compose_stores(reference_stores(StoreId.POSTGRESQL), reference_stores(StoreId.MONGODB))


@pytest.fixture
def postgresql_then_mongodb(postgresql: Stores, mongodb: Stores) -> Repositories:
    return compose_stores(postgresql, mongodb)


@pytest.fixture
def mongodb_then_postgresql(postgresql: Stores, mongodb: Stores) -> Repositories:
    return compose_stores(mongodb, postgresql)


def reference_stores(store_id: StoreId, ports: Ports = PORTS) -> Stores:
    """Every kind over dicts."""
    database = ReferenceDatabase(store_id)
    kept = {name: reference_store(database, port) for name, port in ports.items()}
    return Stores(kept, database)


def stores_of(kinds: Mapping[str, Callable[[Any], Any]], database: Database) -> Stores:
    """Every kind in one database, real or in memory."""
    return Stores({name: made(database) for name, made in kinds.items()}, database)


@contextmanager
def open_stores(stores: Stores) -> Iterator[Stores]:
    """The stores, ready for use."""
    stores.database.open()
    stores.database.prepare()
    yield stores
    stores.database.close()


def compose_stores(primary: Stores, backup: Stores, ports: Ports = PORTS) -> Repositories:
    """Both stores as one repository per kind, each of them up."""
    healths = {
        each.database.store_id: healthy(each.database.store_id) for each in (primary, backup)
    }

    def guarded_stores(name: str) -> list[GuardedStore[Any]]:
        in_role = ((primary, StoreRole.PRIMARY), (backup, StoreRole.BACKUP))
        return [
            GuardedStore(getattr(each, name), healths[each.database.store_id], role, timeout=10)
            for each, role in in_role
        ]

    replicator = Replicator(
        MergePolicy(), save_conflict=lambda each: composites.conflicts.save(each)
    )
    context = ReplicationContext(replicator, AckBatcher(replicator))
    composites = Repositories(
        {name: compose(port, guarded_stores(name), context) for name, port in ports.items()}
    )
    return composites


def healthy(store_id: StoreId) -> StoreHealth:
    """The health of a store that is trusted."""
    health = StoreHealth(store_id)
    health.finish_catch_up(health.start_catch_up("for a test"))
    return health


def empty_postgresql(connection: psycopg.Connection) -> None:
    """Rows of every table but the record of migrations, in one round trip."""
    connection.execute(_EMPTY_TABLES)


def empty_mongodb(database: Collections[dict[str, Any]]) -> None:
    """Documents of every collection, but not the collections and their indexes."""
    first, *others = database.list_collection_names()
    for name in (
        each["name"] for each in database[first].aggregate(_nonempty_query(first, others))
    ):
        database[name].delete_many({})


def _nonempty_query(first: str, others: Sequence[str]) -> list[dict[str, Any]]:
    """Finds the names of those collections that have documents, in one round trip."""

    def one_of(name: str) -> list[dict[str, Any]]:
        return [{"$limit": 1}, {"$project": {"_id": 0, "name": {"$literal": name}}}]

    more = [{"$unionWith": {"coll": name, "pipeline": one_of(name)}} for name in others]
    return [*one_of(first), *more]
