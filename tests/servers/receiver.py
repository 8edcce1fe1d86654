"""A real HTTP server on a free port, for what is posted to others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebhookReceiver(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with `answers` first and 204 from then on.

    While it `hangs` it answers nobody, until it is `free`; while it `trickles`, a letter at a time.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self.requests: list[tuple[dict[str, str], bytes]] = []
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
        while len(self.requests) < number:
            assert time.monotonic() < give_up, f"{len(self.requests)} of {number} arrived"
            time.sleep(0.01)


@contextmanager
def running_receiver() -> Iterator[WebhookReceiver]:
    """A receiver at work."""
    server = WebhookReceiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.requests.append((dict(self.headers), body))
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
