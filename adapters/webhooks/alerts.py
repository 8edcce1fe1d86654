"""Tells ALERT_WEBHOOK_URL about every change of a connection's state, off the request's path.

Each POST carries `X-Diner-Signature: t=<unix time>,v1=<hex>`, where the hex is the HMAC-SHA256 of
`<unix time>.<body>` under the alert secret: a receiver checks it, and that the time is recent.
"""

from __future__ import annotations

import atexit
import os
import queue
import socket
import threading
import time
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from adapters.webhooks.posting import poster
from dinerapp.replication.signals import connection_lost, connection_restored, connection_slow
from dinerapp.webhooks.domain.signing import signature
from dinerapp.webhooks.ports.posting import NotSent, Post

_log = structlog.get_logger(__name__)

HEADER = "X-Diner-Signature"
TIMEOUT = 3.0
TRIES = 5
FIRST_WAIT = 0.5
ROOM = 100
FLUSH_SECONDS = 2.0


class Webhook:
    """A bounded queue and the one thread that empties it."""

    def __init__(
        self, url: str, secret: str, *, post: Post | None = None, first_wait: float = FIRST_WAIT
    ) -> None:
        self._url = url
        self._secret = secret
        self._post = post or poster(TIMEOUT, private=True)
        self._first_wait = first_wait
        self._waiting: queue.Queue[bytes | None] = queue.Queue(ROOM)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, event: str, connection: str, **details: Any) -> None:
        """Queues one alert; returns at once, whatever has become of the receiver."""
        body = {
            "event": event,
            "connection": connection,
            **details,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        try:
            self._waiting.put_nowait(orjson.dumps(body))
        except queue.Full:
            _log.warning("alert_dropped", alert=event, connection=connection)
            return
        self._start()

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Sends what is left, for so long at most."""
        with self._lock:
            thread = self._thread
        if thread is None:
            return
        self._closing.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            _log.warning("alerts_left_unsent", number=ROOM)
        thread.join(seconds)

    def _start(self) -> None:
        """Not before the first alert: a thread does not survive the fork of a worker."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            self._deliver(body)

    def _deliver(self, body: bytes) -> None:
        for number in range(TRIES):
            try:
                self._send(body)
            except NotSent as exc:
                reason = exc.reason
            else:
                return
            if number == TRIES - 1 or self._closing.wait(self._first_wait * 2**number):
                break
        _log.warning("alert_undelivered", reason=reason, tries=number + 1)

    def _send(self, body: bytes) -> None:
        moment = int(time.time())
        sign = f"t={moment},v1={signature(self._secret, moment, body)}"
        headers = {"Content-Type": "application/json", HEADER: sign}
        status = self._post(self._url, body, headers)
        if not 200 <= status < 300:
            raise NotSent(f"status {status}")


def connect_receivers(url: str | None, secret: str) -> None:
    """Starts telling the URL, if there is one, signed with the secret."""
    _webhooks.clear()
    if url is None:
        return
    _webhooks.append(Webhook(url, secret))
    connection_lost.connect(tell_lost)
    connection_restored.connect(tell_restored)
    connection_slow.connect(tell_slow)


def tell_lost(_sender: object, place: str, reason: str) -> None:
    """A store stopped answering."""
    _lost.add(place)
    _tell("connection_lost", place, reason=reason)


def tell_restored(_sender: object, place: str, seconds: float) -> None:
    """A store is up again; that it is up for the first time is no news."""
    if place in _lost:
        _lost.discard(place)
        _tell("connection_restored", place, seconds=round(seconds, 3))


def tell_slow(_sender: object, place: str, seconds: float) -> None:
    """A store was too slow too often."""
    _tell("connection_slow", place, seconds=round(seconds, 3))


def _tell(event: str, place: str, **details: Any) -> None:
    for webhook in _webhooks:
        webhook.tell(event, place, **details)


_webhooks: list[Webhook] = []
_lost: set[str] = set()
