"""Every mode of the fault proxy, with both databases behind it."""

import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from adapters.embedded.tcp_ports import LOCALHOST, port_is_free
from tests.servers.clients import CONNECTION_ERRORS, assert_unreachable, connect, numbers, write
from tests.servers.control import url_via
from tests.servers.proxy import FaultProxy
from tests.timing import assert_within

INSERTS = {"fresh_postgres_url": b"INSERT INTO", "fresh_mongo_url": b"insert\0"}


@pytest.fixture(params=list(INSERTS))
def direct(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def is_insert(request: pytest.FixtureRequest) -> bytes:
    return INSERTS[request.node.callspec.params["direct"]]


@pytest.fixture
def proxy(direct: str) -> Iterator[FaultProxy]:
    with FaultProxy(LOCALHOST, urlsplit(direct).port or 0) as proxy:
        yield proxy


@pytest.fixture
def proxied(direct: str, proxy: FaultProxy) -> str:
    return url_via(direct, proxy.url_port)


def test_it_passes_everything_through_at_first(proxied: str, direct: str) -> None:
    write(proxied, 1)

    assert numbers(proxied) == numbers(direct) == [1]


def test_refusing_cuts_what_is_open_and_the_same_port_serves_again(
    proxied: str, proxy: FaultProxy
) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.refuse()
        with pytest.raises(CONNECTION_ERRORS):
            client.write(2)
    assert port_is_free(proxy.url_port)
    assert_unreachable(proxied)

    proxy.pass_through()

    assert numbers(proxied) == [1]


def test_a_black_hole_accepts_and_never_answers(proxied: str, proxy: FaultProxy) -> None:
    write(proxied, 1)
    proxy.black_hole()
    start = time.monotonic()
    assert_unreachable(proxied)
    assert time.monotonic() - start > 0.4
    assert not port_is_free(proxy.url_port)

    proxy.pass_through()

    assert numbers(proxied) == [1]


def test_a_request_into_a_black_hole_hangs_until_its_connection_is_cut(
    proxied: str, proxy: FaultProxy
) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.black_hole()
        healing = threading.Timer(0.3, proxy.pass_through)
        healing.start()
        start = time.monotonic()
        with pytest.raises(CONNECTION_ERRORS):
            client.write(2)
        assert time.monotonic() - start > 0.2
        healing.join()

    assert numbers(proxied) == [1]


def test_a_black_hole_leaves_connections_alone_that_said_nothing_meanwhile(
    proxied: str, proxy: FaultProxy
) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.black_hole()
        proxy.pass_through()

        client.write(2)

    assert numbers(proxied) == [1, 2]


def test_a_delay_makes_answers_late(proxied: str, proxy: FaultProxy) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.delay(0.2)
        start = time.monotonic()
        assert client.numbers() == [1]
        seconds = time.monotonic() - start
        assert seconds >= 0.2
        assert_within(1, seconds, "a late answer")

        proxy.pass_through()
        start = time.monotonic()
        assert client.numbers() == [1]
        assert_within(0.2, time.monotonic() - start, "an answer")


def test_a_swallowed_reply_leaves_the_write_done_and_the_client_in_doubt(
    proxied: str, direct: str, proxy: FaultProxy, is_insert: bytes
) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.swallow_replies_when(lambda request: is_insert in request)
        assert client.numbers() == [1]
        with pytest.raises(CONNECTION_ERRORS):
            client.write(2)

    assert proxy.replies_swallowed == 1
    assert numbers(direct) == [1, 2]


def test_only_so_many_replies_are_swallowed_as_were_asked_for(
    proxied: str, direct: str, proxy: FaultProxy, is_insert: bytes
) -> None:
    write(direct, 0)
    proxy.swallow_replies_when(lambda request: is_insert in request, times=2)
    for number in (1, 2):
        with connect(proxied) as client, pytest.raises(CONNECTION_ERRORS):
            client.write(number)

    write(proxied, 3)

    assert proxy.replies_swallowed == 2
    assert numbers(direct) == [0, 1, 2, 3]


def test_cutting_resets_what_is_under_way_and_serves_what_is_new(
    proxied: str, proxy: FaultProxy
) -> None:
    with connect(proxied) as client:
        client.write(1)
        proxy.delay(5)
        cutting = threading.Timer(0.1, proxy.cut)
        cutting.start()
        start = time.monotonic()
        with pytest.raises(CONNECTION_ERRORS):
            client.numbers()
        assert_within(0.4, time.monotonic() - start, "noticing the cut")
        cutting.join()

    proxy.pass_through()

    assert numbers(proxied) == [1]


def test_a_proxy_to_a_dead_server_cuts_its_clients(direct: str) -> None:
    with FaultProxy(LOCALHOST, 1) as proxy:
        assert_unreachable(url_via(direct, proxy.url_port))


def test_a_closed_proxy_leaves_no_thread_and_no_listener(direct: str) -> None:
    before = set(threading.enumerate())
    with (
        FaultProxy(LOCALHOST, urlsplit(direct).port or 0) as proxy,
        connect(url_via(direct, proxy.url_port)) as client,
    ):
        client.write(1)
        proxy.delay(5)

        proxy.close()

        assert port_is_free(proxy.url_port)
        left = set(threading.enumerate()) - before
        assert "fault-proxy" not in [thread.name for thread in left]


def test_a_proxy_whose_port_was_taken_meanwhile_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    proxy = FaultProxy(LOCALHOST, 1)
    with (
        socket.create_server((LOCALHOST, proxy.url_port)),
        pytest.raises(OSError, match="in use"),
        proxy,
    ):
        pass
    assert set(threading.enumerate()) == before


def test_a_predicate_that_fails_is_not_overlooked(proxied: str, proxy: FaultProxy) -> None:
    proxy.swallow_replies_when(lambda request: len(request) == 1 // 0)
    assert_unreachable(proxied)

    with pytest.raises(ZeroDivisionError):
        proxy.close()
