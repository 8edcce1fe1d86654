"""What a wing declares of itself, and what it is built on.

Everything else follows from these declarations: repositories and stores, placement, settings'
help, routes, followers, background services, and what tests are run over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from flask_smorest import Blueprint

from adapters.mongo.document_store import document_store as mongo_documents
from adapters.postgres.documents import document_store as postgres_documents
from dinerapp.live.feed import StreamQuota
from dinerapp.live.signal_bridge import SignalBridge
from dinerapp.replication.erasure import PersonalData
from dinerapp.replication.ports.documents import Documents
from dinerapp.replication.ports.follower import Follower
from dinerapp.replication.ports.repository import Repository
from dinerapp.replication.ports.store import Store
from dinerapp.replication.version import StoreId
from dinerapp.runtime.supervisor import Service
from dinerapp.webhooks.domain.event_sources import EventSource

if TYPE_CHECKING:
    from dinerapp.runtime.settings import Settings

P = TypeVar("P", bound=Repository[Any])
W = TypeVar("W")

POSTGRES_FIRST = (StoreId.POSTGRESQL, StoreId.MONGODB)
POSTGRES_ONLY = (StoreId.POSTGRESQL,)
MONGO_FIRST = (StoreId.MONGODB, StoreId.POSTGRESQL)

StoreFactory = Callable[[Any], Store[Any]]


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind of record: its port, its store in each database, and where it lives by default.

    Of the placement the first is the primary and the second the backup; one alone means only
    there.
    """

    port: type[Repository[Any]]
    postgres: StoreFactory
    mongo: StoreFactory
    placement: tuple[StoreId, ...] = POSTGRES_FIRST

    @classmethod
    def documents(
        cls, port: type[Documents[Any]], placement: tuple[StoreId, ...] = POSTGRES_FIRST
    ) -> KindRow:
        """A kind of documents: its port says all that its stores have to know."""
        return cls(port, postgres_documents(port), mongo_documents(port), placement)

    @property
    def name(self) -> str:
        return self.port.kind.name


class WingContext:
    """What wings are built on: the settings, the repositories, and the services of the wings
    before them."""

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
        found: P = self._repositories[port.kind.name]  # type: ignore[assignment]
        return found

    def services(self, container: type[W]) -> W:
        """The services of a wing that was built before."""
        found: W = self._services[container]  # type: ignore[assignment]
        return found

    def personal_data(self) -> Sequence[PersonalData[Any]]:
        """What the kinds of all wings keep of people."""
        return self._personal_data(self)

    def add(self, services: object) -> None:
        """Makes a wing's services known to those after it."""
        self._services[type(services)] = services


@dataclass(frozen=True, slots=True)
class BuiltWing:
    """A wing's services, what follows writes of its kinds, and what runs in the background:
    `services` in every process, `relay_services` where outboxes are worked off."""

    container: object
    followers: Mapping[str, Sequence[Follower[Any]]] = field(default_factory=dict)
    background: Sequence[Service] = ()
    relay_background: Sequence[Service] = ()


def _no_personal_data(_context: WingContext) -> Sequence[PersonalData[Any]]:
    return ()


def _nothing_to_forward(_bridge: SignalBridge) -> None:
    """Other processes need not know."""


@dataclass(frozen=True, slots=True)
class Wing:
    """A domain as the rest of the house sees it."""

    name: str
    kinds: tuple[KindRow, ...]
    blueprints: tuple[Blueprint, ...]
    build: Callable[[WingContext], BuiltWing]
    personal_data: Callable[[WingContext], Sequence[PersonalData[Any]]] = _no_personal_data
    event_sources: tuple[EventSource[Any], ...] = ()
    forward_signals: Callable[[SignalBridge], None] = _nothing_to_forward
