"""A real HTTP server on a free port, for what is posted to others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `answers` first and 204 from then on.

    While it `hangs` it answers nobody, until it is `free`; while it `trickles`, a letter at a time.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []
        self.hangs = threading.Event()
        self.trickles = threading.Event()
        self.free = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/alerts/path-secret"

    def wait_for(self, number: int, seconds: float = 5) -> None:
        give_up = time.monotonic() + seconds
        while len(self.got) < number:
            assert time.monotonic() < give_up, f"{len(self.got)} of {number} arrived"
            time.sleep(0.01)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at work."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.got.append((dict(self.headers), body))
        if self.server.hangs.is_set():
            self.server.free.wait(10)
        while self.server.trickles.is_set() and not self.server.free.wait(0.05):
            self.wfile.write(b"H")
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_args: Any) -> None: ...
