"""Notices when a server is lost and when it is back."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.fallback.store_health import StoreHealth
from dinerapp.replication import deadline
from dinerapp.replication.errors import StoreFailure
from dinerapp.replication.ports.connections import ConnectionState
from dinerapp.replication.ports.database import Connection


@dataclass(frozen=True, slots=True)
class MonitorTimeouts:
    """Timeouts of a monitor."""

    ping_seconds: float = 1.5
    drain_seconds: float = 2.0


class ConnectionMonitor:
    """Monitors one connection for this process; `check` is one step, run by some thread."""

    def __init__(
        self, connection: Connection, health: StoreHealth, timeouts: MonitorTimeouts | None = None
    ) -> None:
        self.connection = connection
        self.health = health
        self.latency: float | None = None
        self._timeouts = timeouts or MonitorTimeouts()
        self._epoch = 0

    def check(self) -> None:
        """Checks once. A store failure ends the check; the next one continues."""
        try:
            self._check_once()
        except StoreFailure as exc:
            self._attribute_failure(exc)

    def _check_once(self) -> None:
        if not self._ping():
            self._on_lost()
            return
        if self.health.state is ConnectionState.DOWN:
            self.connection.reset()
            self.connection.prepare()
            self._epoch = self.health.start_catch_up("it answers again")
        if self._try_bring_up():
            self.health.finish_catch_up(self._epoch)

    def _ping(self) -> bool:
        try:
            with deadline.within(self._timeouts.ping_seconds):
                ping = self.connection.ping()
        except StoreFailure as exc:
            self.health.trip(exc.reason)
            self.latency = None
            return False
        self.latency = ping.seconds
        return self.health.is_reachable or ping.seconds <= self.health.slow_calls.threshold_seconds

    def _on_lost(self) -> None:
        """Called at each check while the server does not answer."""

    def _try_bring_up(self) -> bool:
        """Whether the connection can be used now."""
        return True

    def _attribute_failure(self, failure: StoreFailure) -> None:
        if failure.store == self.health.name:
            self.health.trip(failure.reason)
