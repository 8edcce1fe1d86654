"""A connection that knows the deadline of the work it is used for."""

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
"""So many are remembered: limits and filters are written into them."""
_PARAMETER_PATTERN = re.compile(r"%\((\w+)\)s|%s|%%")

_DEFAULTS = {
    "application_name": "dinerapp",
    "connect_timeout": "2",
    "target_session_attrs": "read-write",
}
# Planning a write takes as long as doing it, so plans are made once per connection. Many are made
# while tables are empty: without enable_seqscan=off they would go on reading whole tables that
# have grown since.
_SESSION_OPTIONS = (
    "-c TimeZone=UTC -c statement_timeout=60s"
    " -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
)


class _DatetimeLoader(Loader):
    def load(self, data: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(data).decode())


class DeadlineConnection(psycopg.Connection[Row]):
    """Leaves a server that does not answer when the deadline passes, and is closed then."""

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
        """What a pool does with each new connection."""

        def prepare(connection: DeadlineConnection) -> None:
            connection.default_timeout = default_timeout
            connection.row_factory = dict_row
            connection.cursor_factory = psycopg.RawCursor
            connection.adapters.register_loader("uuid", TextLoader)
            connection.adapters.register_loader("timestamptz", _DatetimeLoader)
            set_json_loads(orjson.loads, connection)

        return prepare

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        left = remaining(self.default_timeout)
        try:
            return super().wait(gen, interval, left if timeout is None else min(left, timeout))
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise

    def is_alive(self) -> bool:
        """Whether the server has not hung up meanwhile, as far as this end has heard."""
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
    """The statement as the server takes it, and the names of its parameters in their order; none
    if it counts them. psycopg itself would read long statements through every time."""
    names: dict[str, int] = {}
    places = count(1)

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[0] == "%s":
            return f"${next(places)}"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    return _PARAMETER_PATTERN.sub(number, query).encode(), tuple(names)


def conninfo(dsn: str) -> str:
    """The DSN with what our connections need and it does not say."""
    given = conninfo_to_dict(dsn)
    options = f"{_SESSION_OPTIONS} {given.pop('options', '')}".strip()
    settings: dict[str, Any] = {**_DEFAULTS, **given, "options": options}
    return make_conninfo(**settings)
