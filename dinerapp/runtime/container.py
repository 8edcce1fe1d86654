"""The assembled application, as commands and web servers use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dinerapp.live.bus import Bus
from dinerapp.live.feed import StreamQuota
from dinerapp.live.signal_bridge import SignalBridge
from dinerapp.replication.bulk_loader import BulkLoader
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.relay import Relay
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.supervisor import Supervisor

P = TypeVar("P", bound=Repository[Any])
W = TypeVar("W")


EXTENSION = "diner"
"""The name of the `Application` among the extensions of the Flask application."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services of every wing, by the class of the wing's container."""

    by_container: Mapping[type, object]

    def of(self, container: type[W]) -> W:
        """The services of one wing."""
        found: W = self.by_container[container]  # type: ignore[assignment]
        return found


@dataclass(frozen=True, slots=True)
class Application:
    """The services, and the infrastructure below them, which routes do not see."""

    settings: Settings
    services: Services
    replication: ReplicationServices
    repositories: Mapping[str, Repository[Any]]
    bulk_loaders: Mapping[str, BulkLoader[Any]]
    relay: Relay
    follower_dispatcher: FollowerDispatcher
    bus: Bus
    stream_quota: StreamQuota
    bridge: SignalBridge
    supervisor: Supervisor

    def of(self, container: type[W]) -> W:
        """The services of one wing."""
        return self.services.of(container)

    def repository(self, port: type[P]) -> P:
        """The repository of the port."""
        found: P = self.repositories[port.kind.name]  # type: ignore[assignment]
        return found
