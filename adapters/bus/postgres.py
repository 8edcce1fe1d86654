"""The bus over PostgreSQL: LISTEN and NOTIFY.

Needs connections of the server itself: a pooler that shares them between transactions forgets
who listens.
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
    """A frozen server keeps its connections and answers nothing; this one leaves it."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval, TIMEOUT_SECONDS if timeout is None else timeout)


class PostgresTransport(Transport):
    """A connection to send, another one to listen."""

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
            raise TransportDown("it is not connected")
        with _translate_errors():
            heard = list(listener.notifies(timeout=seconds, stop_after=1))
            self._check_alive(listener, bool(heard))
        for each in heard:
            on_message(each.payload)

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        _hang_up(sender)

    def stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        _hang_up(listener)

    def _check_alive(self, listener: _TimeoutConnection, heard: bool) -> None:
        """A server that has fallen silent is asked whether it is still there."""
        now = time.monotonic()
        if not heard and now - self._last_heard_at > _KEEPALIVE_SECONDS:
            listener.execute("SELECT 1")
            heard = True
        if heard:
            self._last_heard_at = now

    def _new_connection(self) -> _TimeoutConnection:
        connection = _TimeoutConnection.connect(self._conninfo, autocommit=True)
        # Prepared, the statement would stay with a server behind a pooler.
        connection.prepare_threshold = None
        return connection


def _hang_up(connection: _TimeoutConnection | None) -> None:
    """Without a word to the server, which may be frozen."""
    if connection is not None:
        connection.pgconn.finish()


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as exc:
        raise TransportDown(str(exc).partition("\n")[0] or type(exc).__name__) from exc
