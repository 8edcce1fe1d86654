"""The bus over PostgreSQL: LISTEN and NOTIFY.

Needs direct connections to the server: a pooler in transaction mode does not support LISTEN.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.bus.transport import TIMEOUT_SECONDS, Transport, TransportDown

CHANNEL = "diner"
_KEEPALIVE_SECONDS = 5.0
_NOTIFY = "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text"
_DEFAULTS = {
    "application_name": "dinerapp bus",
    "connect_timeout": "2",
    "target_session_attrs": "read-write",
}
T = TypeVar("T")


class _TimeoutConnection(psycopg.Connection[tuple[Any, ...]]):
    """Adds a timeout to waits: a frozen server keeps its connections open and never answers."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval, TIMEOUT_SECONDS if timeout is None else timeout)


class PostgresTransport(Transport):
    """One connection for sending, another for listening."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        settings: dict[str, Any] = {**_DEFAULTS, **conninfo_to_dict(url)}
        self._conninfo = make_conninfo(**settings)
        self._sender: _TimeoutConnection | None = None
        self._listener: _TimeoutConnection | None = None
        self._last_heard_at = 0.0

    def send(self, texts: Sequence[str]) -> None:
        with _translate_errors():
            if self._sender is None:
                self._sender = self._new_connection()
            self._sender.execute(_NOTIFY, (CHANNEL, list(texts)))

    def connect(self) -> None:
        with _translate_errors():
            self._listener = self._new_connection()
            self._listener.execute(f"LISTEN {CHANNEL}")
            self._last_heard_at = time.monotonic()

    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        listener = self._listener
        if listener is None:
            raise TransportDown("the listener is not connected")
        with _translate_errors():
            notifications = list(listener.notifies(timeout=seconds, stop_after=1))
            self._check_alive(listener, bool(notifications))
        for notification in notifications:
            on_message(notification.payload)

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        _disconnect(sender)

    def stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        _disconnect(listener)

    def _check_alive(self, listener: _TimeoutConnection, received: bool) -> None:
        """Checks with a query whether a server that has been silent is still alive."""
        now = time.monotonic()
        if not received and now - self._last_heard_at > _KEEPALIVE_SECONDS:
            listener.execute("SELECT 1")
            received = True
        if received:
            self._last_heard_at = now

    def _new_connection(self) -> _TimeoutConnection:
        connection = _TimeoutConnection.connect(self._conninfo, autocommit=True)
        # A prepared statement would stay on one server behind a pooler.
        connection.prepare_threshold = None
        return connection


def _disconnect(connection: _TimeoutConnection | None) -> None:
    """Closes the socket without a round trip, because the server may be frozen."""
    if connection is not None:
        connection.pgconn.finish()


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as exc:
        raise TransportDown(str(exc).partition("\n")[0] or type(exc).__name__) from exc
