"""What replication needs from a store, the same for every kind of record.

Use cases never see this port; the composite, the relay and anti-entropy do.
Contract suite: tests/contracts/replica/.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.repository import ReadVersion, Usage
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId, Version

R = TypeVar("R", bound=Record)


class FollowerTarget(StrEnum):
    """A target of outbox entries that is not a store."""

    FOLLOWERS = "followers"


Target: TypeAlias = StoreId | FollowerTarget


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """Says that a target has yet to receive a state, and from when the entry may be claimed.

    `undelivered` says that nobody is delivering the state at the moment, because the target was not
    up. An entry stays undelivered, even if a newer state replaces its own, until one has been
    shipped. A store that has come back is up to date once no undelivered entry for it is left.
    Entries for followers are only ever delivered through a claim, so they start as undelivered.
    """

    target: Target
    due: datetime
    undelivered: bool

    @classmethod
    def for_followers(cls, kind: Kind[R], now: datetime) -> tuple[OutboxEntry, ...]:
        """The entry for the followers of a kind, written by the store that accepted or merged a
        state. A store that only received the state writes none."""
        return (cls(FollowerTarget.FOLLOWERS, now, undelivered=True),) if kind.has_followers else ()


class ApplyOutcome(StrEnum):
    """The outcome of delivering one state."""

    STORED = "stored"
    ALREADY_APPLIED = "had it"
    CONCURRENT = "concurrent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ApplyResult(Generic[R]):
    """The result of delivering one state.

    CONCURRENT comes with the `stored` state, which the delivered one does not supersede: neither
    version dominates the other, or the versions are equal and the states differ.
    REFUSED comes with a `reason`: this store cannot hold the state.
    STORED may come with a `displaced_id`: if two records took the same unique value while the
    stores were cut off from each other, the id of the one that has lost it.
    """

    outcome: ApplyOutcome
    stored: R | None = None
    reason: str = ""
    displaced_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedEntry(Generic[R]):
    """A state that was claimed and must be handled before its lease ends."""

    record: R
    tries: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An outbox entry that was given up, with the last reason."""

    kind: str
    record_id: str
    tries: int
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many outbox entries there are: waiting, the undelivered ones among them, and dead."""

    waiting: int = 0
    undelivered: int = 0
    dead_letters: int = 0

    @classmethod
    def total(cls, backlogs: Iterable[Backlog]) -> Backlog:
        """The sum of these backlogs."""
        parts = list(backlogs)
        return cls(
            sum(part.waiting for part in parts),
            sum(part.undelivered for part in parts),
            sum(part.dead_letters for part in parts),
        )


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The number of records, including tombstones, and the sum of their digests."""

    count: int
    digest: int


class Replica(ABC, Generic[R]):
    """One kind of record in one store. Every method may raise StoreFailure."""

    store_id: StoreId
    kind: Kind[R]

    @abstractmethod
    def accept(
        self,
        record: R,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> R:
        """Checks the version that the caller read, increments it, and stores the record with its
        outbox entries.

        The check, the state, the entries and the record's reservations are one atomic step; the
        read set is checked in that step or just before it. `record.version` must dominate the
        stored version; a record that this store does not have yet is accepted at any version. The
        record is `admissible`. Raises what `Repository.save` documents; `Store.rejection` decides
        which.
        """

    @abstractmethod
    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        """Stores each state that is newer than the stored one; returns results in the same order.

        Versions are stored unchanged. A stored state replaces the outbox entries of the previous
        one with `entries`. Never raises because of a single record. Limits are not checked: what
        another store has accepted is accepted here. The records of one call have different ids.
        """

    @abstractmethod
    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        """Replaces exactly the state `stored` with the merged one; False if it has changed."""

    @abstractmethod
    def rehash(self, record_ids: Collection[str]) -> int:
        """Recomputes the stored digests of these records, and returns how many were outdated. A
        record that was stored when its kind had fewer fields keeps its old digest until then:
        `replace` does not recognise the state, and `fingerprints` differ although the states do
        not."""

    @abstractmethod
    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """The stored states, including tombstones."""

    @abstractmethod
    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        """The next states in the order of their ids, including tombstones."""

    @abstractmethod
    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        """Leases states with due outbox entries for the target, oldest entry first.

        Until the lease ends nobody else can claim them; the entries are due again at `lease_until`.
        """

    @abstractmethod
    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        """Those of the kinds that have due entries for the target. One query, for all kinds in this
        database."""

    @abstractmethod
    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        """Those of the kinds that have undelivered entries for the target. One query, as above."""

    @abstractmethod
    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        """Removes the entries of records that are still at the version that was shipped."""

    @abstractmethod
    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        """Marks entries as undelivered and due, because an attempt to deliver them failed."""

    @abstractmethod
    def reschedule(
        self,
        target: Target,
        shipped: tuple[str, Version],
        reason: str,
        due: datetime,
        *,
        give_up: bool,
    ) -> None:
        """Counts a failed try and sets when the next one is due; a dead letter has no next one.

        Applies only if the record is still at the version that was shipped. The entry no longer
        counts as undelivered: a single record must not keep a store from being up.
        """

    @abstractmethod
    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        """Makes dead letters due again with all their tries, and returns how many there were."""

    @abstractmethod
    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        """The dead letters, oldest first."""

    @abstractmethod
    def backlog(self, target: Target) -> Backlog:
        """The outbox entries of this kind for the target."""

    @abstractmethod
    def fingerprints(self) -> Mapping[int, Fingerprint]:
        """Count and digest of each bucket that is not empty, computed inside the database."""

    @abstractmethod
    def bucket_digests(self, number: int) -> Mapping[str, int]:
        """The digest of every record in a bucket, by id."""

    @abstractmethod
    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        """How much of these counted things is reserved, by records of all kinds in this store;
        zero for unknown keys."""

    @abstractmethod
    def holders(self, key: str, limit: int) -> Sequence[R]:
        """The living records of this kind that reserve something of a counted thing, at most
        `limit`, oldest first by creation and then by id. Only kinds with a default limit have an
        index for it."""
