"""Every bus, every suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from adapters.bus.line import Line
from adapters.bus.lines import Lines, Rhythm
from adapters.bus.memory import Exchange, MemoryLine
from adapters.bus.mongo import MongoLine
from adapters.bus.postgres import PostgresLine
from adapters.bus.redis import RedisLine
from dinerapp.live.bus import Bus
from tests.contracts.bus import (
    BusContract,
    InterruptedBusContract,
    Listener,
    NewBus,
    called_until_heard,
    processes,
    until,
)
from tests.servers.control import RealServer, url_of_database
from tests.servers.redis import RedisServer, redis_running

BRISK = Rhythm(listen=0.1, longest_retry=0.5)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture
def new_bus(request: pytest.FixtureRequest) -> NewBus:
    """Over the lines that the test is parametrized with."""
    ways: list[Callable[[], Line]] = [
        request.getfixturevalue(f"{name}_way") for name in request.param.split("+")
    ]
    return lambda: Lines([way() for way in ways], BRISK)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def memory_way(exchange: Exchange) -> Callable[[], Line]:
    return lambda: MemoryLine(exchange)


@pytest.fixture
def redis_way(redis_server: RedisServer) -> Callable[[], Line]:
    return lambda: RedisLine(redis_server.url)


@pytest.fixture
def postgresql_way(postgres_server: RealServer) -> Callable[[], Line]:
    return lambda: PostgresLine(postgres_server.url)


@pytest.fixture
def mongodb_way(mongo_server: RealServer) -> Callable[[], Line]:
    return lambda: MongoLine(url_of_database(mongo_server.url, "bus_contract"))


EVERY = ("memory", "redis", "postgresql", "mongodb", "redis+postgresql+mongodb")


@pytest.mark.parametrize("new_bus", EVERY, indirect=True)
class TestBus(BusContract): ...


class TestMemoryInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, exchange: Exchange) -> NewBus:
        return lambda: Lines([MemoryLine(exchange)], BRISK)

    @pytest.fixture
    def lose(self, exchange: Exchange) -> Callable[[], None]:
        return lambda: setattr(exchange, "is_up", False)

    @pytest.fixture
    def restore(self, exchange: Exchange) -> Callable[[], None]:
        return lambda: setattr(exchange, "is_up", True)


class TestRedisInterrupted(InterruptedBusContract):
    @pytest.fixture
    def server(self) -> Iterator[RedisServer]:
        with redis_running() as server:
            yield server

    @pytest.fixture
    def new_bus(self, server: RedisServer) -> NewBus:
        return lambda: Lines([RedisLine(server.url)], BRISK)

    @pytest.fixture
    def lose(self, server: RedisServer) -> Callable[[], None]:
        return server.stop

    @pytest.fixture
    def restore(self, server: RedisServer) -> Callable[[], None]:
        return server.start


class TestPostgresInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_postgres: RealServer) -> NewBus:
        return lambda: Lines([PostgresLine(own_postgres.url)], BRISK)

    @pytest.fixture
    def lose(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.kill9

    @pytest.fixture
    def restore(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.start


class TestMongoInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_mongo: RealServer) -> NewBus:
        return lambda: Lines([MongoLine(own_mongo.url)], BRISK)

    @pytest.fixture
    def lose(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.kill9

    @pytest.fixture
    def restore(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.start


class TestFrozenPostgres(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_postgres: RealServer) -> NewBus:
        return lambda: Lines([PostgresLine(own_postgres.url)], BRISK)

    @pytest.fixture
    def lose(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.freeze

    @pytest.fixture
    def restore(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.thaw


class TestFrozenMongo(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_mongo: RealServer) -> NewBus:
        return lambda: Lines([MongoLine(own_mongo.url)], BRISK)

    @pytest.fixture
    def lose(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.freeze

    @pytest.fixture
    def restore(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.thaw


@pytest.mark.parametrize("how", ["freeze", "kill9"])
def test_while_postgresql_is_lost_messages_come_through_mongodb(
    own_postgres: RealServer, mongodb_way: Callable[[], Line], how: str
) -> None:
    one, two = (Lines([PostgresLine(own_postgres.url), mongodb_way()], BRISK) for _ in range(2))
    listener = Listener(two)
    with processes(one, two):
        called_until_heard(one, listener, "before")
        getattr(own_postgres, how)()
        called_until_heard(one, listener, "meanwhile")
        own_postgres.thaw()
        if not own_postgres.running:
            own_postgres.start()
        until(lambda: two.is_listening)
        called_until_heard(one, listener, "after")


@pytest.mark.parametrize("lost", ["first", "second"])
def test_either_server_may_die_and_the_others_are_still_heard(lost: str) -> None:
    exchanges = {"first": Exchange(), "second": Exchange()}

    def new_bus() -> Bus:
        return Lines([MemoryLine(each, name) for name, each in exchanges.items()], BRISK)

    one, two = new_bus(), new_bus()
    listener = Listener(two)
    with processes(one, two):
        called_until_heard(one, listener, "before")
        exchanges[lost].is_up = False
        called_until_heard(one, listener, "meanwhile")
        until(lambda: not two.is_listening)
        exchanges[lost].is_up = True
        until(lambda: two.is_listening)
        called_until_heard(one, listener, "after")


def test_a_bus_without_lines_reaches_nobody_and_needs_nothing() -> None:
    bus = Lines([])
    with processes(bus):
        bus.publish("hello", {})
        assert bus.is_listening
