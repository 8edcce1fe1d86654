"""The notes of `examples/`, as a process that is started the way the guide says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from json import dumps, loads
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from adapters.embedded.tcp_ports import LOCALHOST, free_port

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 30.0


class Answer(NamedTuple):
    """`body` is what the JSON said."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def store(self) -> str:
        return self.headers["X-Store"]


class NotesProcess:
    def __init__(self, port: int) -> None:
        self._port = port

    def ask(
        self, method: str, path: str, body: bytes | None = None, key: str | None = None
    ) -> Answer:
        connection = HTTPConnection(LOCALHOST, self._port, timeout=TIMEOUT_SECONDS)
        try:
            headers = {} if key is None else {"Idempotency-Key": key}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), loads(response.read()))
        finally:
            connection.close()

    def write(self, text: str) -> Answer:
        """Asks under the same key, the text, until it is acknowledged, as a client would."""
        return wait_for(f"an answer to {text!r}", lambda: self._try_to_write(text))

    def await_health(self, status: str) -> None:
        wait_for(f"health to be {status}", lambda: self._health() == status)

    def _try_to_write(self, text: str) -> Answer | None:
        body = dumps({"author": "Ada", "text": text}).encode()
        answer = self.ask("POST", "/notes", body, key=text)
        assert answer.status in (201, 503), answer
        return answer if answer.status == 201 else None

    def _health(self) -> str | None:
        try:
            status: str = self.ask("GET", "/health").body["status"]
        except (OSError, HTTPException):
            return None
        return status


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """What it sees as soon as that is something."""
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < give_up:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise AssertionError(f"Waited in vain for {what}")


def flask_command(port: int) -> Sequence[str]:
    return [sys.executable, "-m", "flask", "--app", "examples/notes/app", "run", f"--port={port}"]


def environment(**urls: str) -> Mapping[str, str]:
    ours = ("POSTGRES_URL", "MONGO_URL", "FLASK_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | urls


@contextmanager
def running_notes(log_file: Path, **urls: str) -> Iterator[NotesProcess]:
    port = free_port()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            flask_command(port),
            cwd=ROOT,
            env=environment(**urls),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield NotesProcess(port)
    finally:
        process.kill()
        process.wait()
