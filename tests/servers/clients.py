"""One small client for both databases, so that a test of a server is written once for both."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.timing import assert_within

TIMEOUT_SECONDS = 0.5
CONNECTION_ERRORS: tuple[type[Exception], ...] = (psycopg.OperationalError, PyMongoError)


class DatabaseClient(Protocol):
    """A connection that keeps numbers; it gives up after `TIMEOUT_SECONDS` where its driver can."""

    def write(self, number: int) -> None: ...

    def clear(self) -> None: ...

    def numbers(self) -> list[int]: ...


class PostgresClient:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def write(self, number: int) -> None:
        self._connection.execute("CREATE TABLE IF NOT EXISTS kept (number int PRIMARY KEY)")
        self._connection.execute("INSERT INTO kept VALUES (%s)", (number,))

    def clear(self) -> None:
        self._connection.execute("DROP TABLE IF EXISTS kept")

    def numbers(self) -> list[int]:
        rows = self._connection.execute("SELECT number FROM kept ORDER BY number").fetchall()
        return [number for (number,) in rows]


class MongoDbClient:
    def __init__(self, client: MongoClient[dict[str, Any]]) -> None:
        self._kept = client.get_default_database().kept

    def write(self, number: int) -> None:
        self._kept.insert_one({"_id": number})

    def clear(self) -> None:
        self._kept.drop()

    def numbers(self) -> list[int]:
        return [found["_id"] for found in self._kept.find(sort=["_id"])]


@contextmanager
def connect(url: str) -> Iterator[DatabaseClient]:
    if url.startswith("postgresql:"):
        with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
            yield PostgresClient(connection)
    else:
        milliseconds = int(TIMEOUT_SECONDS * 1000)
        client: MongoClient[dict[str, Any]]
        with MongoClient(
            url,
            w="majority",
            retryWrites=False,
            retryReads=False,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        ) as client:
            client.admin.command("ping")
            yield MongoDbClient(client)


def write(url: str, number: int) -> None:
    with connect(url) as client:
        client.write(number)


def numbers(url: str) -> list[int]:
    with connect(url) as client:
        return client.numbers()


def assert_unreachable(url: str, *, within: float = 3.0) -> None:
    start = time.monotonic()
    with pytest.raises(CONNECTION_ERRORS), connect(url):
        pass
    assert_within(within, time.monotonic() - start, "finding out that nobody is there")
