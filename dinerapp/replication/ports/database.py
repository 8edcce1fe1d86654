"""One database server as a whole: its pool, its health, and the suspicions of other processes.

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
    """The connections of one pool: maximum, open, and in use."""

    size: int = 0
    open: int = 0
    busy: int = 0


@dataclass(frozen=True, slots=True)
class SuspicionLease:
    """A process's note that it cannot use a store, kept in the other store until `until`.

    A process that reads it does not use that store as primary either.
    """

    store_id: StoreId
    process: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Ping:
    """How long the database took to answer, and what it reports about itself."""

    seconds: float
    server: str = ""
    details: dict[str, str] = field(default_factory=dict)


class Connection(ABC):
    """A named connection to a server. Every method may raise StoreFailure."""

    name: str

    @abstractmethod
    def open(self) -> None:
        """Opens the pool. Neither waits for the server nor fails without it."""

    @abstractmethod
    def close(self) -> None:
        """Closes the pool; calls still running may fail."""

    @abstractmethod
    def reset(self) -> None:
        """Drops idle connections, which may be broken after the server was lost."""

    @abstractmethod
    def prepare(self) -> None:
        """Creates or migrates tables, collections and indexes for this version; idempotent."""

    @abstractmethod
    def ping(self) -> Ping:
        """Checks over a separate connection whether the server accepts writes."""

    @abstractmethod
    def pool_usage(self) -> PoolUsage:
        """The pool as it is now, without a call to the server."""


class Database(Connection):
    """A database that stores records of many kinds."""

    store_id: StoreId

    @abstractmethod
    def has_full_copy(self) -> bool:
        """Whether this database has ever received everything that the other one held."""

    @abstractmethod
    def mark_full_copy(self) -> None:
        """Notes that it has received everything."""

    @abstractmethod
    def publish_suspicion(self, lease: SuspicionLease) -> None:
        """Stores a process's suspicion of the other store, in place of its earlier one."""

    @abstractmethod
    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        """Removes the suspicion, unless it has been extended since."""

    @abstractmethod
    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        """The suspicions that have not expired."""
