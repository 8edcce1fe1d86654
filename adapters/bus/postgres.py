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

from adapters.bus.line import PATIENCE, Line, LineDown

CHANNEL = "diner"
_ALIVE_SECONDS = 5.0
_NOTIFY = "SELECT pg_notify(%s, text) FROM unnest(%s::text[]) AS text"
_DEFAULTS = {
    "application_name": "dinerapp bus",
    "connect_timeout": "2",
    "target_session_attrs": "read-write",
}
T = TypeVar("T")


class _Impatient(psycopg.Connection[tuple[Any, ...]]):
    """A frozen server keeps its connections and answers nothing; this one leaves it."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval, PATIENCE if timeout is None else timeout)


class PostgresLine(Line):
    """A connection to send, another one to listen."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        settings: dict[str, Any] = {**_DEFAULTS, **conninfo_to_dict(url)}
        self._conninfo = make_conninfo(**settings)
        self._sender: _Impatient | None = None
        self._listener: _Impatient | None = None
        self._sure_at = 0.0

    def send(self, texts: Sequence[str]) -> None:
        with _translated():
            if self._sender is None:
                self._sender = self._connected()
            self._sender.execute(_NOTIFY, (CHANNEL, list(texts)))

    def begin(self) -> None:
        with _translated():
            self._listener = self._connected()
            self._listener.execute(f"LISTEN {CHANNEL}")
            self._sure_at = time.monotonic()

    def listen(self, hear: Callable[[str], None], seconds: float) -> None:
        listener = self._listener
        if listener is None:
            raise LineDown("it is not connected")
        with _translated():
            heard = list(listener.notifies(timeout=seconds, stop_after=1))
            self._stay_certain(listener, bool(heard))
        for each in heard:
            hear(each.payload)

    def stop_sending(self) -> None:
        sender, self._sender = self._sender, None
        _hang_up(sender)

    def stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        _hang_up(listener)

    def _stay_certain(self, listener: _Impatient, heard: bool) -> None:
        """A server that has fallen silent is asked whether it is still there."""
        now = time.monotonic()
        if not heard and now - self._sure_at > _ALIVE_SECONDS:
            listener.execute("SELECT 1")
            heard = True
        if heard:
            self._sure_at = now

    def _connected(self) -> _Impatient:
        connection = _Impatient.connect(self._conninfo, autocommit=True)
        # Prepared, the statement would stay with a server behind a pooler.
        connection.prepare_threshold = None
        return connection


def _hang_up(connection: _Impatient | None) -> None:
    """Without a word to the server, which may be frozen."""
    if connection is not None:
        connection.pgconn.finish()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as exc:
        raise LineDown(str(exc).partition("\n")[0] or type(exc).__name__) from exc
