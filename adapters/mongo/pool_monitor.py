"""Listens to the connection pool events of pymongo."""

from __future__ import annotations

from threading import Lock, local

from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)


class PoolMonitor(ConnectionPoolListener):
    """Counts connections, and records per thread whether the current call got one.

    A call that got no connection has sent nothing, whatever its error is.
    """

    def __init__(self) -> None:
        self.open = 0
        self.busy = 0
        self._lock = Lock()
        self._call = local()

    def begin_call(self) -> None:
        self._call.sent = False

    @property
    def call_was_sent(self) -> bool:
        return getattr(self._call, "sent", True)

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        with self._lock:
            self.open += 1

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        with self._lock:
            self.open -= 1

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        self._call.sent = True
        with self._lock:
            self.busy += 1

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        with self._lock:
            self.busy -= 1

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None: ...
    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None: ...
    def connection_ready(self, event: ConnectionReadyEvent) -> None: ...
    def pool_created(self, event: PoolCreatedEvent) -> None: ...
    def pool_ready(self, event: PoolReadyEvent) -> None: ...
    def pool_cleared(self, event: PoolClearedEvent) -> None: ...
    def pool_closed(self, event: PoolClosedEvent) -> None: ...
