"""The ways to hurt a server do what they say, to PostgreSQL and to MongoDB."""

import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from tests.servers.clients import assert_unreachable, connect, numbers, write
from tests.servers.control import RealServer, is_gone, run_server


@pytest.fixture(
    scope="module", params=[EmbeddedPostgres, EmbeddedMongo], ids=lambda kind: kind.engine
)
def shared(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    with run_server(request.param) as server:
        yield server


@pytest.fixture
def server(shared: RealServer) -> Iterator[RealServer]:
    shared.start()
    with connect(shared.url) as client:
        client.clear()
    yield shared
    shared.thaw()


def test_nothing_survives_kill_9_but_what_was_acknowledged(server: RealServer) -> None:
    url = server.url
    with connect(url) as client:
        client.write(1)
        processes = psutil.Process(server.embedded.pid).children(recursive=True)
        server.kill9()
    assert not server.running
    assert not [each for each in processes if not is_gone(each)]
    assert_unreachable(url)

    server.start()

    assert server.url == url
    assert numbers(url) == [1]


def test_a_frozen_server_keeps_a_query_waiting_until_it_is_thawed(server: RealServer) -> None:
    with connect(server.url) as client:
        client.write(1)
        server.freeze()
        thawing = threading.Timer(0.3, server.thaw)
        thawing.start()
        start = time.monotonic()
        assert client.numbers() == [1]
        assert time.monotonic() - start > 0.25
        thawing.join()


def test_a_frozen_server_lets_nobody_in(server: RealServer) -> None:
    server.freeze()
    assert_unreachable(server.url)

    server.thaw()

    write(server.url, 1)


def test_a_frozen_server_can_be_killed_and_comes_back(server: RealServer) -> None:
    write(server.url, 1)
    server.freeze()
    server.kill9()

    server.start()

    assert numbers(server.url) == [1]


def test_a_frozen_server_can_be_restarted(server: RealServer) -> None:
    write(server.url, 1)
    server.freeze()

    server.restart()

    assert numbers(server.url) == [1]
