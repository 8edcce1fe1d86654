"""The pool of connections, which neither hides a dead server nor is slow to notice its return."""

from __future__ import annotations

from psycopg.errors import ConnectionFailure
from psycopg_pool import ConnectionPool

from adapters.postgres.connection import DeadlineConnection, conninfo
from dinerapp.replication.deadline import remaining


class DeadlinePool(ConnectionPool[DeadlineConnection]):
    """Without `reconnect_timeout=0` it would back off while the server is away, for seconds."""

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
        """A connection the server has not hung up on, within the deadline."""
        while True:
            connection = self.getconn(remaining(self.timeout))
            if connection.is_alive():
                return connection
            self.putconn(connection)

    def reconnect_failed(self) -> None:
        """Nobody waits out a deadline for a server that refuses every connection."""
        with self._lock:
            waiting = list(self._waiting) if self._nconns == 0 else []
        for client in waiting:
            client.fail(ConnectionFailure("the server takes no connections"))
