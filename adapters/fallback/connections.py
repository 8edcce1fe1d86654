"""The named connections of a process, and what is known of their states."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from adapters.fallback.probe import Probe
from adapters.fallback.watch import Watch
from dinerapp.replication.errors import DinerError
from dinerapp.replication.followers import Following
from dinerapp.replication.ports.connections import Connections, ConnectionStatus
from dinerapp.replication.relay import Relay


@dataclass(frozen=True, slots=True)
class NamedConnection:
    """A connection as operators see it, with what looks after it."""

    engine: str
    role: str
    probe: Probe


class NamedConnections(Connections):
    """Knows and tells; it opens nothing and has no threads."""

    def __init__(
        self,
        named: Sequence[NamedConnection],
        *,
        relay: Relay,
        following: Following,
        are_paired: bool,
    ) -> None:
        self._named = named
        self._relay = relay
        self._following = following
        self._are_paired = are_paired

    def status(self) -> Sequence[ConnectionStatus]:
        return [_status(each) for each in self._named]

    def counted_status(self) -> Sequence[ConnectionStatus]:
        return [self._counted(each) for each in self._named]

    def _counted(self, named: NamedConnection) -> ConnectionStatus:
        status, probe = _status(named), named.probe
        if not isinstance(probe, Watch):
            return status
        place = probe.member.database.place
        if self._are_paired and probe.other_is_reachable:
            with suppress(DinerError):
                owed = self._relay.backlog(place)
                status = replace(status, owed=owed.waiting, parked=owed.parked)
        if probe.breaker.is_reachable:
            with suppress(DinerError):
                due = self._following.backlog(place)
                status = replace(status, follow_ups=due.waiting, parked_follow_ups=due.parked)
        return status


def _status(named: NamedConnection) -> ConnectionStatus:
    probe = named.probe
    return ConnectionStatus(
        name=probe.connection.name,
        engine=named.engine,
        role=named.role,
        state=probe.breaker.state,
        since=probe.breaker.since,
        reason=probe.breaker.reason,
        latency_ms=None if probe.latency is None else round(probe.latency * 1000, 3),
        pool=probe.connection.pool(),
    )
