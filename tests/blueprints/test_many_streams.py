"""One worker with two hundred open streams: each is told everything, and requests are answered as
if there were none."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded.tcp_ports import LOCALHOST
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.services.accounts import NewAccount
from dinerapp.replication.identity import Operation
from dinerapp.runtime.administration import open_application
from dinerapp.runtime.settings import Settings
from tests.faults.processes import DinerProcess

STREAMS = 200
REQUESTS = 60
PASSWORD = "correct horse battery"
PATIENCE = 15.0


@pytest.fixture
def diner(fresh_postgres_url: str, fresh_mongo_url: str, tmp_path: Path) -> Iterator[DinerProcess]:
    """One worker process, as an operator would start it for so many streams."""
    environment = {
        "DATABASE_URL": fresh_postgres_url,
        "MONGODB_URI": fresh_mongo_url,
        "WEB_STREAMS": str(STREAMS),
        "WEB_THREADS": "4",
        "PASSWORD_MEMORY_KIB": "8",
        "PASSWORD_ROUNDS": "1",
        "SECRET_KEY": "for tests",
    }
    diner = DinerProcess("diner", tmp_path, environment)
    diner.start()
    try:
        yield diner
    finally:
        diner.terminate()


def tokens(diner: DinerProcess, *roles: Role) -> list[tuple[str, dict[str, str]]]:
    """The ids of new accounts, and the headers they show."""
    settings = Settings.from_environment(diner._environment)
    with open_application(replace(settings, relay_in_workers=False)) as office:
        for role in roles:
            account = NewAccount(email=f"{role}@example.org", name=role, password=PASSWORD)
            office.of(AccountServices).accounts.add(Operation.without_key(), account, role)
        granted = [
            office.of(AccountServices).accounts.login(f"{role}@example.org", PASSWORD)
            for role in roles
        ]
    return [(g.user.id, {"Authorization": f"Bearer {g.access_token}"}) for g in granted]


@contextmanager
def asked(
    diner: DinerProcess, method: str, path: str, headers: dict[str, str], body: Any = None
) -> Iterator[HTTPResponse]:
    """The answer, which may still be going on."""
    own = {**headers, "Content-Type": "application/json"}
    with closing(HTTPConnection(LOCALHOST, diner.port, timeout=PATIENCE)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), own)
        with connection.getresponse() as answer:
            yield answer


def answered(
    diner: DinerProcess, method: str, path: str, headers: dict[str, str], body: Any = None
) -> Any:
    with asked(diner, method, path, headers, body) as answer:
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)


def next_message(stream: HTTPResponse) -> Any:
    """The data of the next event that comes down an open stream."""
    while line := stream.readline():
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream has ended")


def test_two_hundred_streams_keep_no_request_waiting(diner: DinerProcess) -> None:
    (_, staff), (customer_id, customer) = tokens(diner, Role.WAITER, Role.CUSTOMER)
    room = answered(diner, "POST", "/api/conversations", staff, {"user_id": customer_id})["id"]
    path = f"/api/rooms/{room}"
    with ExitStack() as stack:
        streams = [
            stack.enter_context(asked(diner, "GET", f"{path}/stream", customer))
            for _ in range(STREAMS)
        ]
        assert {stream.status for stream in streams} == {200}
        with asked(diner, "GET", f"{path}/stream", customer) as refused:
            assert (refused.status, bool(refused.headers["Retry-After"])) == (503, True)
        seconds = []
        for number in range(REQUESTS):
            began = time.monotonic()
            if number % 10 == 0:
                sent = answered(diner, "POST", f"{path}/messages", staff, {"content": str(number)})
            else:
                assert answered(diner, "GET", f"{path}/messages", staff)["items"]
            seconds.append(time.monotonic() - began)
        for stream in streams:
            while (seen := next_message(stream)) != sent:
                assert seen["room_id"] == room
        assert statistics.median(seconds) < 0.25
        assert max(seconds) < 3.0
