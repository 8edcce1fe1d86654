"""Posts every change of a connection's state to ALERT_WEBHOOK_URL, off the request path.

Each POST is signed with the alert secret as docs/webhooks.md describes. For older receivers it also
has `X-Diner-Signature: t=<unix time>,v1=<hex>`, the HMAC-SHA256 of `<unix time>.<body>`.
"""

from __future__ import annotations

import atexit
import os
import queue
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
import structlog

from adapters.webhooks.posting import safe_http_poster
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.signals import connection_lost, connection_restored, connection_slow
from dinerapp.webhooks.domain.signing import legacy_signature, signed_headers
from dinerapp.webhooks.ports.posting import NotSent, Post

_log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 3.0
RETRY_POLICY = RetryPolicy(max_tries=5, first_delay=timedelta(seconds=0.5))
QUEUE_SIZE = 100
FLUSH_SECONDS = 2.0


class _Alert(NamedTuple):
    """An alert; its id is the same in every try."""

    id: str
    body: bytes


class AlertSender:
    """A bounded queue, and the thread that sends what is in it."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        post: Post | None = None,
        retry_policy: RetryPolicy = RETRY_POLICY,
    ) -> None:
        self._url = url
        self._secret = secret
        self._post = post or safe_http_poster(TIMEOUT_SECONDS, allow_private=True)
        self._retry_policy = retry_policy
        self._queue: queue.Queue[_Alert | None] = queue.Queue(QUEUE_SIZE)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def enqueue(self, event: str, connection: str, **details: Any) -> None:
        """Queues one alert; returns at once, even if the receiver is down."""
        body = {
            "event": event,
            "connection": connection,
            **details,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        try:
            self._queue.put_nowait(_Alert(str(uuid4()), orjson.dumps(body)))
        except queue.Full:
            _log.warning("alert_dropped", alert=event, connection=connection)
            return
        self._start()

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Sends what is queued, for at most so many seconds."""
        with self._lock:
            thread = self._thread
        if thread is None:
            return
        self._closing.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            _log.warning("alerts_left_unsent", number=QUEUE_SIZE)
        thread.join(seconds)

    def _start(self) -> None:
        """Starts the thread at the first alert, because threads do not survive a worker's fork."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _run(self) -> None:
        while (alert := self._queue.get()) is not None:
            self._deliver(alert)

    def _deliver(self, alert: _Alert) -> None:
        for tries in count(1):
            try:
                self._send(alert)
            except NotSent as exc:
                reason = exc.reason
            else:
                return
            wait = self._retry_policy.delay(tries)
            if wait is None or self._closing.wait(wait.total_seconds()):
                break
        _log.warning("alert_undelivered", reason=reason, tries=tries)

    def _send(self, alert: _Alert) -> None:
        moment = int(time.time())
        legacy = legacy_signature(self._secret, moment, alert.body)
        headers = {
            "Content-Type": "application/json",
            **signed_headers(self._secret, alert.id, moment, alert.body),
            "X-Diner-Signature": f"t={moment},v1={legacy}",
        }
        status = self._post(self._url, alert.body, headers)
        if not 200 <= status < 300:
            raise NotSent(f"status {status}")


def connect_receivers(url: str | None, secret: str) -> None:
    """Starts sending alerts to the URL, if there is one, signed with the secret."""
    _senders.clear()
    if url is None:
        return
    _senders.append(AlertSender(url, secret))
    connection_lost.connect(alert_lost)
    connection_restored.connect(alert_restored)
    connection_slow.connect(alert_slow)


def alert_lost(_sender: object, store: str, reason: str) -> None:
    """A store stopped answering."""
    _lost_connections.add(store)
    _alert("connection_lost", store, reason=reason)


def alert_restored(_sender: object, store: str, seconds: float) -> None:
    """A store is up again; the first time it is up is not an alert."""
    if store in _lost_connections:
        _lost_connections.discard(store)
        _alert("connection_restored", store, seconds=round(seconds, 3))


def alert_slow(_sender: object, store: str, seconds: float) -> None:
    """Too many calls to a store were slow."""
    _alert("connection_slow", store, seconds=round(seconds, 3))


def _alert(event: str, store: str, **details: Any) -> None:
    for sender in _senders:
        sender.enqueue(event, store, **details)


_senders: list[AlertSender] = []
_lost_connections: set[str] = set()
