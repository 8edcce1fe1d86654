"""A psycopg connection that observes the deadline of the current request."""

from __future__ import annotations

import re
import select
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import count
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.string import TextLoader

from dinerapp.replication.deadline import remaining

T = TypeVar("T")
Row = dict[str, Any]

STATEMENT_CACHE_SIZE = 1000
"""How many converted queries are kept. There are many, because limits and some filter values are
literals in the query."""
_PARAMETER_PATTERN = re.compile(r"%\((\w+)\)s|%s|%%")

_DEFAULTS = {
    "application_name": "dinerapp",
    "connect_timeout": "2",
    "target_session_attrs": "read-write",
}
# Planning a write takes as long as executing it, so each connection plans a statement only once.
# Many plans are made while the tables are empty; without enable_seqscan=off they would keep using
# sequential scans after the tables have grown.
_SESSION_OPTIONS = (
    "-c TimeZone=UTC -c statement_timeout=60s"
    " -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
)


class _DatetimeLoader(Loader):
    def load(self, data: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(data).decode())


class DeadlineConnection(psycopg.Connection[Row]):
    """Stops waiting for the server when the deadline passes, and closes itself then."""

    default_timeout = 5.0

    def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.Cursor[Row]:
        if params is not None:
            query, names = to_numbered_query(query)
            if isinstance(params, Mapping):
                params = [params[name] for name in names]
        return super().execute(query, params, prepare=prepare, binary=binary)

    @classmethod
    def configurer(cls, default_timeout: float) -> Callable[[DeadlineConnection], None]:
        """A function that sets up each new connection of a pool."""

        def configure(connection: DeadlineConnection) -> None:
            connection.default_timeout = default_timeout
            connection.row_factory = dict_row
            connection.cursor_factory = psycopg.RawCursor
            connection.adapters.register_loader("uuid", TextLoader)
            connection.adapters.register_loader("timestamptz", _DatetimeLoader)
            set_json_loads(orjson.loads, connection)

        return configure

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        left = remaining(self.default_timeout)
        try:
            return super().wait(gen, interval, left if timeout is None else min(left, timeout))
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise

    def is_alive(self) -> bool:
        """False if this end has received notice that the server closed the connection."""
        try:
            while self._incoming.poll(0):
                self.pgconn.consume_input()
        except psycopg.OperationalError:
            self.pgconn.finish()
        return not self.closed

    @cached_property
    def _incoming(self) -> select.poll:
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return poll


@lru_cache(STATEMENT_CACHE_SIZE)
def to_numbered_query(query: str) -> tuple[bytes, tuple[str, ...]]:
    """The query with numbered parameters ($1), and the parameter names in that order; no names if
    its placeholders are positional. psycopg would parse a long query again at every execution."""
    names: dict[str, int] = {}
    numbers = count(1)

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if match[0] == "%s":
            return f"${next(numbers)}"
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return _PARAMETER_PATTERN.sub(number, query).encode(), tuple(names)


def conninfo(dsn: str) -> str:
    """The DSN, completed with the defaults and session options that these connections need."""
    parameters = conninfo_to_dict(dsn)
    options = f"{_SESSION_OPTIONS} {parameters.pop('options', '')}".strip()
    settings: dict[str, Any] = {**_DEFAULTS, **parameters, "options": options}
    return make_conninfo(**settings)
