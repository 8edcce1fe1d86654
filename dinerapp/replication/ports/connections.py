"""The states of the named connections, as code outside the adapters sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dinerapp.replication.ports.database import PoolUsage


class ConnectionState(StrEnum):
    """The state of a store as one process sees it."""

    UP = "up"
    DOWN = "down"
    CATCHING_UP = "catching_up"


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One named connection. `owed` counts records that are yet to be shipped to it, `follow_ups`
    records in it that are yet to be dispatched to followers."""

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
    """All named connections of this process, and their states."""

    @abstractmethod
    def status(self) -> Sequence[ConnectionStatus]:
        """Every connection as this process sees it. Queries no store, so the counts are None."""

    @abstractmethod
    def status_with_counts(self) -> Sequence[ConnectionStatus]:
        """The same with the counts, as far as the stores that know them can be reached."""
