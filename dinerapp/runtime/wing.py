"""The declaration of a wing, and the context that it is built with.

Everything else is derived from the declarations: repositories and stores, placement, the help text
of settings, routes, followers, background services, and the subjects of the contract tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from flask_smorest import Blueprint

from dinerapp.live.feed import StreamQuota
from dinerapp.live.signal_bridge import SignalBridge
from dinerapp.replication.erasure import PersonalData
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.repository import Repository
from dinerapp.runtime.kind_row import KindRow
from dinerapp.runtime.supervisor import Service
from dinerapp.webhooks.domain.event_sources import EventSource

if TYPE_CHECKING:
    from dinerapp.runtime.settings import Settings

P = TypeVar("P", bound=Repository[Any])
W = TypeVar("W")


class WingContext:
    """What a wing is built with: the settings, the repositories, and the services of the wings
    built before it."""

    def __init__(
        self,
        settings: Settings,
        *,
        secret: str,
        repositories: Mapping[str, Repository[Any]],
        stream_quota: StreamQuota,
        is_informed: Callable[[], bool],
        event_sources: Sequence[EventSource[Any]],
        personal_data: Callable[[WingContext], Sequence[PersonalData[Any]]],
    ) -> None:
        self.settings = settings
        self.secret = secret
        self.stream_quota = stream_quota
        self.is_informed = is_informed
        self.event_sources = event_sources
        self._repositories = repositories
        self._personal_data = personal_data
        self._services: dict[type, object] = {}

    def repository(self, port: type[P]) -> P:
        """The repository of the port, over the stores that its kind is placed in."""
        repository: P = self._repositories[port.kind.name]  # type: ignore[assignment]
        return repository

    def services(self, container: type[W]) -> W:
        """The services of a wing that was built before this one."""
        services: W = self._services[container]  # type: ignore[assignment]
        return services

    def personal_data(self) -> Sequence[PersonalData[Any]]:
        """The personal data in the kinds of all wings."""
        return self._personal_data(self)

    def add(self, services: object) -> None:
        """Makes the services of a wing available to later wings."""
        self._services[type(services)] = services


@dataclass(frozen=True, slots=True)
class BuiltWing:
    """The services of a wing, the followers of its kinds, and its background services.

    `background` runs in every process, `relay_background` only where outboxes are worked off.
    """

    container: object
    followers: Mapping[str, Sequence[Follower[Any]]] = field(default_factory=dict)
    background: Sequence[Service] = ()
    relay_background: Sequence[Service] = ()


def _no_personal_data(_context: WingContext) -> Sequence[PersonalData[Any]]:
    return ()


def _nothing_to_forward(_bridge: SignalBridge) -> None:
    """The wing has no signals for other processes."""


@dataclass(frozen=True, slots=True)
class Wing:
    """The declaration of a domain, which is all that the rest of the program knows of it."""

    name: str
    kinds: tuple[KindRow, ...]
    blueprints: tuple[Blueprint, ...]
    build: Callable[[WingContext], BuiltWing]
    personal_data: Callable[[WingContext], Sequence[PersonalData[Any]]] = _no_personal_data
    event_sources: tuple[EventSource[Any], ...] = ()
    forward_signals: Callable[[SignalBridge], None] = _nothing_to_forward
