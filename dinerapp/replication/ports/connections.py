"""The state of the named connections, as far as anybody outside the adapters needs to know it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dinerapp.replication.ports.database import PoolUsage


class ConnectionState(StrEnum):
    """What a process thinks of a store."""

    UP = "up"
    DOWN = "down"
    CATCHING_UP = "catching_up"


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One named connection. `owed` counts records that wait to be shipped to it, `follow_ups`
    those in it whose followers have not seen them yet."""

    name: str
    engine: str
    role: str
    state: ConnectionState
    since: datetime
    latency_ms: float | None = None
    reason: str = ""
    pool: PoolUsage = field(default_factory=PoolUsage)
    owed: int | None = None
    parked: int | None = None
    follow_ups: int | None = None
    parked_follow_ups: int | None = None


class Connections(ABC):
    """All named connections of this process, and what it thinks of them."""

    @abstractmethod
    def status(self) -> Sequence[ConnectionStatus]:
        """Every connection as this process sees it; asks nobody, so nothing is counted."""

    @abstractmethod
    def status_with_counts(self) -> Sequence[ConnectionStatus]:
        """The same, with what is to be done, as far as the store that knows can be asked."""
