"""The named connections of a process and their states."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from adapters.fallback.connection_monitor import ConnectionMonitor
from adapters.fallback.store_monitor import StoreMonitor
from dinerapp.replication.errors import DinerError
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.ports.connections import Connections, ConnectionStatus
from dinerapp.replication.relay import Relay


@dataclass(frozen=True, slots=True)
class NamedConnection:
    """A connection as operators see it, with its monitor."""

    engine: str
    role: str
    monitor: ConnectionMonitor


class MonitoredConnections(Connections):
    """Reports states only: it opens no connection and has no threads."""

    def __init__(
        self,
        connections: Sequence[NamedConnection],
        *,
        relay: Relay,
        dispatcher: FollowerDispatcher,
        are_paired: bool,
    ) -> None:
        self._connections = connections
        self._relay = relay
        self._dispatcher = dispatcher
        self._are_paired = are_paired

    def status(self) -> Sequence[ConnectionStatus]:
        return [_status(named) for named in self._connections]

    def status_with_counts(self) -> Sequence[ConnectionStatus]:
        return [self._status_with_counts(named) for named in self._connections]

    def _status_with_counts(self, named: NamedConnection) -> ConnectionStatus:
        status, monitor = _status(named), named.monitor
        if not isinstance(monitor, StoreMonitor):
            return status
        store_id = monitor.store.database.store_id
        if self._are_paired and monitor.peer_is_reachable:
            with suppress(DinerError):
                backlog = self._relay.backlog(store_id)
                status = replace(status, owed=backlog.waiting, parked=backlog.dead_letters)
        if monitor.health.is_reachable:
            with suppress(DinerError):
                backlog = self._dispatcher.backlog(store_id)
                status = replace(
                    status, follow_ups=backlog.waiting, parked_follow_ups=backlog.dead_letters
                )
        return status


def _status(named: NamedConnection) -> ConnectionStatus:
    monitor = named.monitor
    return ConnectionStatus(
        name=monitor.connection.name,
        engine=named.engine,
        role=named.role,
        state=monitor.health.state,
        since=monitor.health.since,
        reason=monitor.health.reason,
        latency_ms=None if monitor.latency is None else round(monitor.latency * 1000, 3),
        pool=monitor.connection.pool_usage(),
    )
