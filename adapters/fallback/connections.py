"""The named connections of a process, and what is known of their states."""

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
    """A connection as operators see it, with what looks after it."""

    engine: str
    role: str
    probe: ConnectionMonitor


class MonitoredConnections(Connections):
    """Knows and tells; it opens nothing and has no threads."""

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
        return [_status(each) for each in self._connections]

    def status_with_counts(self) -> Sequence[ConnectionStatus]:
        return [self._status_with_counts(each) for each in self._connections]

    def _status_with_counts(self, named: NamedConnection) -> ConnectionStatus:
        status, probe = _status(named), named.probe
        if not isinstance(probe, StoreMonitor):
            return status
        place = probe.store.database.store_id
        if self._are_paired and probe.peer_is_reachable:
            with suppress(DinerError):
                owed = self._relay.backlog(place)
                status = replace(status, owed=owed.waiting, parked=owed.dead_letters)
        if probe.health.is_reachable:
            with suppress(DinerError):
                due = self._dispatcher.backlog(place)
                status = replace(status, follow_ups=due.waiting, parked_follow_ups=due.dead_letters)
        return status


def _status(named: NamedConnection) -> ConnectionStatus:
    probe = named.probe
    return ConnectionStatus(
        name=probe.connection.name,
        engine=named.engine,
        role=named.role,
        state=probe.health.state,
        since=probe.health.since,
        reason=probe.health.reason,
        latency_ms=None if probe.latency is None else round(probe.latency * 1000, 3),
        pool=probe.connection.pool_usage(),
    )
