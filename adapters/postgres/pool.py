"""A connection pool that reports a dead server at once and notices quickly when it is back."""

from __future__ import annotations

from psycopg.errors import ConnectionFailure
from psycopg_pool import ConnectionPool

from adapters.postgres.connection import DeadlineConnection, conninfo
from dinerapp.replication.deadline import remaining


class DeadlinePool(ConnectionPool[DeadlineConnection]):
    """`reconnect_timeout=0` disables the back-off, which would delay reconnecting by seconds."""

    def __init__(
        self, dsn: str, *, min_size: int, max_size: int, name: str, timeout: float
    ) -> None:
        super().__init__(
            conninfo(dsn),
            connection_class=DeadlineConnection,
            kwargs={"autocommit": True},
            min_size=min_size,
            max_size=max_size,
            name=name,
            timeout=timeout,
            open=False,
            configure=DeadlineConnection.configurer(timeout),
            reconnect_timeout=0,
        )

    def acquire(self) -> DeadlineConnection:
        """A connection that the server has not closed. Waits no longer than the deadline."""
        while True:
            connection = self.getconn(remaining(self.timeout))
            if connection.is_alive():
                return connection
            self.putconn(connection)

    def reconnect_failed(self) -> None:
        """Fails all waiting clients at once if the server accepts no connection at all."""
        with self._lock:
            waiting = list(self._waiting) if self._nconns == 0 else []
        for client in waiting:
            client.fail(ConnectionFailure("the server accepts no connections"))
