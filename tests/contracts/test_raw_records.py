"""What fault tests read past the application: every kind, and the same from either database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from pymongo import MongoClient
from pymongo.database import Database

from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from dinerapp.runtime.registry import MONGO_STORES, PORTS, POSTGRES_STORES
from tests.contracts.conftest import compose_stores, open_stores, stores_of
from tests.contracts.samples import SAMPLES, Repositories
from tests.faults.promises import store_differences
from tests.faults.raw_records import COMPARED, read_mongo, read_postgres
from tests.servers.control import RealServer, url_of_database

RECORDS = 3


@dataclass(frozen=True)
class OwnDatabases:
    """Two databases that nobody else writes to."""

    postgres_url: str
    mongo_url: str

    @contextmanager
    def postgres(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        with psycopg.connect(self.postgres_url, row_factory=dict_row) as connection:
            yield connection

    @contextmanager
    def mongo(self) -> Iterator[Database[dict[str, Any]]]:
        client: MongoClient[dict[str, Any]]
        with MongoClient(self.mongo_url, tz_aware=True) as client:
            yield client.get_default_database()

    @contextmanager
    def composites(self) -> Iterator[Repositories]:
        postgresql = stores_of(POSTGRES_STORES, PostgresDatabase(self.postgres_url))
        mongodb = stores_of(MONGO_STORES, MongoDatabase(self.mongo_url))
        with open_stores(postgresql), open_stores(mongodb):
            yield compose_stores(postgresql, mongodb, PORTS)
            # MongoDB counts what was delivered alone when somebody asks.
            mongodb.orders.usage(["anything"])


@pytest.fixture
def databases(postgres_server: RealServer, mongo_server: RealServer) -> OwnDatabases:
    name = f"raw_{uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    urls = (url_of_database(server.url, name) for server in (postgres_server, mongo_server))
    return OwnDatabases(*urls)


def test_every_kind_is_compared_field_by_field(databases: OwnDatabases) -> None:
    with databases.composites() as composites:
        for sample in SAMPLES:
            repository = getattr(composites, sample.name)
            saved = [repository.save(sample.make()) for _ in range(RECORDS)]
            repository.save(sample.with_text(saved[0]))
            repository.delete(sample.with_text(saved[1]))
    one, other = read_postgres(databases), read_mongo(databases)
    assert {*one.kinds} == {*COMPARED}
    assert {len(records) for records in one.kinds.values()} == {RECORDS}
    assert list(store_differences(one, other)) == []
