"""Starts the background services of a process in order, and stops them in reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.database import Connection


class Service(Protocol):
    """Runs between `start` and `stop`; may be started again."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class Openable(Protocol):
    """Something with `open` and `close`."""

    def open(self) -> None: ...
    def close(self) -> None: ...


class Supervisor:
    """Owns the services of a process. A service comes after those that it needs, so that it is
    stopped before them."""

    def __init__(self, services: Sequence[Service], *, await_ready: Callable[[], None]) -> None:
        self._services = services
        self._await_ready = await_ready

    def start(self) -> None:
        """Starts all services, and waits a limited time until requests can be served."""
        for service in self._services:
            service.start()
        self._await_ready()

    def stop(self) -> None:
        """Stops all services, the last one first. Threads are asked to stop at the same time, so
        that their last steps run in parallel."""
        for service in self._services:
            if isinstance(service, PeriodicThread):
                service.request_stop()
        for service in reversed(self._services):
            service.stop()


class Resource:
    """Adapts something with `open` and `close` to a service."""

    def __init__(self, resource: Openable) -> None:
        self.start = resource.open
        self.stop = resource.close


class ConnectionPools:
    """The pools of all connections: opened first, closed last."""

    def __init__(
        self, connections: Sequence[Connection], *, before_close: Callable[[], object]
    ) -> None:
        self._connections = connections
        self._before_close = before_close

    def start(self) -> None:
        for connection in self._connections:
            connection.open()

    def stop(self) -> None:
        self._before_close()
        for connection in self._connections:
            connection.close()
