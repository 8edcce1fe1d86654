"""One database server as a whole: its life, its health, and what other processes think of it.

Contract suite: tests/contracts/test_database.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dinerapp.replication.version import StoreId


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """Connections of one pool: the most there may be, open ones, and ones at work."""

    size: int = 0
    open: int = 0
    busy: int = 0


@dataclass(frozen=True, slots=True)
class SuspicionLease:
    """A process's word that it cannot use a store, kept in the other one until `until`.

    Whoever sees it does not use that store as primary either.
    """

    store_id: StoreId
    process: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Ping:
    """How long the database took to answer, and what it says it is."""

    seconds: float
    server: str = ""
    details: dict[str, str] = field(default_factory=dict)


class Connection(ABC):
    """A named connection to a server. Every method may raise StoreFailure."""

    name: str

    @abstractmethod
    def open(self) -> None:
        """Makes the pool. Does not wait for the server and does not fail without it."""

    @abstractmethod
    def close(self) -> None:
        """Ends the pool; calls still running may fail."""

    @abstractmethod
    def reset(self) -> None:
        """Drops idle connections, which a dead server left behind."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes tables, collections and indexes what this version needs; safe to repeat."""

    @abstractmethod
    def ping(self) -> Ping:
        """Asks the server, over a connection of its own, whether it takes writes."""

    @abstractmethod
    def pool_usage(self) -> PoolUsage:
        """The pool as it is now; asks nobody."""


class Database(Connection):
    """A database that holds records of many kinds."""

    store_id: StoreId

    @abstractmethod
    def has_full_copy(self) -> bool:
        """Whether this database has once received all that the other one held."""

    @abstractmethod
    def mark_full_copy(self) -> None:
        """Notes that it has."""

    @abstractmethod
    def publish_suspicion(self, lease: SuspicionLease) -> None:
        """Notes that a process cannot use the other store; replaces its earlier word on it."""

    @abstractmethod
    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        """Takes the word back, unless it holds for longer by now."""

    @abstractmethod
    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        """The words that still hold."""
