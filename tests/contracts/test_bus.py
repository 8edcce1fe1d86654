"""Every bus, every suite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from adapters.bus.memory import MemoryBroker, MemoryTransport
from adapters.bus.mongo import MongoTransport
from adapters.bus.multi_transport import BusTimings, MultiTransportBus
from adapters.bus.postgres import PostgresTransport
from adapters.bus.redis import RedisTransport
from adapters.bus.transport import Transport
from dinerapp.live.bus import Bus
from tests.contracts.bus import (
    TIMEOUT_SECONDS,
    BusContract,
    InterruptedBusContract,
    NewBus,
    RecordingListener,
    open_buses,
    publish_until_received,
    wait_until,
)
from tests.servers.control import RealServer, url_of_database
from tests.servers.redis import RedisServer, running_redis

BRISK = BusTimings(poll_timeout=0.1, max_backoff=0.5)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def new_bus(request: pytest.FixtureRequest) -> NewBus:
    """Over the lines that the test is parametrized with."""
    ways: list[Callable[[], Transport]] = [
        request.getfixturevalue(f"{name}_way") for name in request.param.split("+")
    ]
    return lambda: MultiTransportBus([way() for way in ways], BRISK)


@pytest.fixture
def exchange() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def memory_way(exchange: MemoryBroker) -> Callable[[], Transport]:
    return lambda: MemoryTransport(exchange)


@pytest.fixture
def redis_way(redis_server: RedisServer) -> Callable[[], Transport]:
    return lambda: RedisTransport(redis_server.url)


@pytest.fixture
def postgresql_way(postgres_server: RealServer) -> Callable[[], Transport]:
    return lambda: PostgresTransport(postgres_server.url)


@pytest.fixture
def mongodb_way(mongo_server: RealServer) -> Callable[[], Transport]:
    return lambda: MongoTransport(url_of_database(mongo_server.url, "bus_contract"))


EVERY = ("memory", "redis", "postgresql", "mongodb", "redis+postgresql+mongodb")


@pytest.mark.parametrize("new_bus", EVERY, indirect=True)
class TestBus(BusContract): ...


class TestMemoryInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, exchange: MemoryBroker) -> NewBus:
        return lambda: MultiTransportBus([MemoryTransport(exchange)], BRISK)

    @pytest.fixture
    def lose(self, exchange: MemoryBroker) -> Callable[[], None]:
        return lambda: setattr(exchange, "is_up", False)

    @pytest.fixture
    def restore(self, exchange: MemoryBroker) -> Callable[[], None]:
        return lambda: setattr(exchange, "is_up", True)


class TestRedisInterrupted(InterruptedBusContract):
    @pytest.fixture
    def server(self) -> Iterator[RedisServer]:
        with running_redis() as server:
            yield server

    @pytest.fixture
    def new_bus(self, server: RedisServer) -> NewBus:
        return lambda: MultiTransportBus([RedisTransport(server.url)], BRISK)

    @pytest.fixture
    def lose(self, server: RedisServer) -> Callable[[], None]:
        return server.stop

    @pytest.fixture
    def restore(self, server: RedisServer) -> Callable[[], None]:
        return server.start


class TestPostgresInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_postgres: RealServer) -> NewBus:
        return lambda: MultiTransportBus([PostgresTransport(own_postgres.url)], BRISK)

    @pytest.fixture
    def lose(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.kill9

    @pytest.fixture
    def restore(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.start


class TestMongoInterrupted(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_mongo: RealServer) -> NewBus:
        return lambda: MultiTransportBus([MongoTransport(own_mongo.url)], BRISK)

    @pytest.fixture
    def lose(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.kill9

    @pytest.fixture
    def restore(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.start


class TestFrozenPostgres(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_postgres: RealServer) -> NewBus:
        return lambda: MultiTransportBus([PostgresTransport(own_postgres.url)], BRISK)

    @pytest.fixture
    def lose(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.freeze

    @pytest.fixture
    def restore(self, own_postgres: RealServer) -> Callable[[], None]:
        return own_postgres.thaw


class TestFrozenMongo(InterruptedBusContract):
    @pytest.fixture
    def new_bus(self, own_mongo: RealServer) -> NewBus:
        return lambda: MultiTransportBus([MongoTransport(own_mongo.url)], BRISK)

    @pytest.fixture
    def lose(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.freeze

    @pytest.fixture
    def restore(self, own_mongo: RealServer) -> Callable[[], None]:
        return own_mongo.thaw


@pytest.mark.parametrize("how", ["freeze", "kill9"])
def test_while_postgresql_is_lost_messages_come_through_mongodb(
    own_postgres: RealServer, mongodb_way: Callable[[], Transport], how: str
) -> None:
    one, two = (
        MultiTransportBus([PostgresTransport(own_postgres.url), mongodb_way()], BRISK)
        for _ in range(2)
    )
    listener = RecordingListener(two)
    with open_buses(one, two):
        publish_until_received(one, listener, "before")
        getattr(own_postgres, how)()
        publish_until_received(one, listener, "meanwhile")
        own_postgres.thaw()
        if not own_postgres.running:
            own_postgres.start()
        wait_until(lambda: two.is_listening)
        publish_until_received(one, listener, "after")


@pytest.mark.parametrize("lost", ["first", "second"])
def test_either_server_may_die_and_the_others_are_still_heard(lost: str) -> None:
    exchanges = {"first": MemoryBroker(), "second": MemoryBroker()}

    def new_bus() -> Bus:
        return MultiTransportBus(
            [MemoryTransport(each, name) for name, each in exchanges.items()], BRISK
        )

    one, two = new_bus(), new_bus()
    listener = RecordingListener(two)
    with open_buses(one, two):
        publish_until_received(one, listener, "before")
        exchanges[lost].is_up = False
        publish_until_received(one, listener, "meanwhile")
        wait_until(lambda: not two.is_listening)
        exchanges[lost].is_up = True
        wait_until(lambda: two.is_listening)
        publish_until_received(one, listener, "after")


class SilentTransport(Transport):
    """Its server answers only when it is allowed to. Notes which threads wait for that."""

    name = "silent"

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.waiting: set[threading.Thread] = set()

    def send(self, texts: Sequence[str]) -> None:
        self._wait()

    def connect(self) -> None:
        self._wait()

    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        self._wait()

    def stop_sending(self) -> None: ...

    def stop_listening(self) -> None: ...

    def _wait(self) -> None:
        self.waiting.add(threading.current_thread())
        self.answers.wait(TIMEOUT_SECONDS)


def test_whoever_opens_a_bus_or_publishes_waits_for_no_server() -> None:
    server = SilentTransport()
    bus = MultiTransportBus([server], BRISK)
    bus.open()
    bus.publish("hello", {})
    wait_until(lambda: len(server.waiting) == 2)
    bus.publish("and more", {})
    server.answers.set()
    bus.close()
    assert {thread.name for thread in server.waiting} == {"bus-sender", "bus-silent"}


def test_a_bus_without_lines_reaches_nobody_and_needs_nothing() -> None:
    bus = MultiTransportBus([])
    with open_buses(bus):
        bus.publish("hello", {})
        assert bus.is_listening
