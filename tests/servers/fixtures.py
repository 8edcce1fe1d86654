"""Fixtures of real servers. The session's are shared: hurt only `own_postgres` and `own_mongo`."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pymongo import MongoClient

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from tests.servers.control import RealServer, drop_database, running, url_of_database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[RealServer]:
    with running(EmbeddedPostgres) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[RealServer]:
    with running(EmbeddedMongo) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[RealServer]:
    """A server for this test alone, which may be hurt."""
    with running(EmbeddedPostgres) as server:
        yield server


@pytest.fixture
def own_mongo() -> Iterator[RealServer]:
    """A server for this test alone, which may be hurt."""
    with running(EmbeddedMongo) as server:
        yield server


@pytest.fixture
def fresh_postgres_url(postgres_server: RealServer) -> Iterator[str]:
    """A new, empty database in the session's server."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield url_of_database(postgres_server.url, name)
        drop_database(connection, name)


@pytest.fixture
def fresh_mongo_url(mongo_server: RealServer) -> Iterator[str]:
    """A new, empty database in the session's server."""
    name = f"test_{uuid4().hex}"
    yield url_of_database(mongo_server.url, name)
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongo_server.url) as client:
        client.drop_database(name)
