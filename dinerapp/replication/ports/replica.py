"""What replication needs of a store, for every kind of record alike.

Use cases never see this port; the composite, the relay and the consistency check do.
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
    """Who is owed records without being a place that keeps them."""

    FOLLOWERS = "followers"


Target: TypeAlias = StoreId | FollowerTarget


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """To whom a store owes the state it takes, and from when it may be claimed.

    `missed` says that nobody is delivering it right now: the other store was not up. A debt that
    was missed stays so, whatever newer state takes its place, until one has been shipped. A store
    that came back has received everything once no missed debt to it is left. Nobody ever delivers
    to followers beside a claim, so that debts to them are missed from the beginning.
    """

    target: Target
    due: datetime
    undelivered: bool

    @classmethod
    def for_followers(cls, kind: Kind[R], now: datetime) -> tuple[OutboxEntry, ...]:
        """What is owed to the followers of a kind by whoever made a new state of it: accepted or
        merged it. Whoever only received the state owes them nothing, the maker does."""
        return (cls(FollowerTarget.FOLLOWERS, now, undelivered=True),) if kind.has_followers else ()


class ApplyOutcome(StrEnum):
    """What became of one delivered state."""

    STORED = "stored"
    ALREADY_APPLIED = "had it"
    CONCURRENT = "concurrent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ApplyResult(Generic[R]):
    """The answer to one delivered state.

    CONCURRENT comes with the `stored` state that the delivered one does not simply follow:
    neither version covers the other, or both are equal and the states are not.
    REFUSED comes with a `reason`: this store cannot hold the state.
    A STORED state may have `displaced` another record, or itself, from a unique value that two
    records took while the stores were cut off: the id of the record that is without it now.
    """

    outcome: ApplyOutcome
    stored: R | None = None
    reason: str = ""
    displaced_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedEntry(Generic[R]):
    """A state that was claimed and has to be dealt with before its lease ends."""

    record: R
    tries: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A debt that was given up, with the last reason."""

    kind: str
    record_id: str
    tries: int
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many records are owed: waiting in all, of these missed, and parked ones aside."""

    waiting: int = 0
    undelivered: int = 0
    dead_letters: int = 0

    @classmethod
    def total(cls, backlogs: Iterable[Backlog]) -> Backlog:
        """All of them together."""
        each = list(backlogs)
        return cls(
            sum(one.waiting for one in each),
            sum(one.undelivered for one in each),
            sum(one.dead_letters for one in each),
        )


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How many records, tombstones included, and the sum of their digests."""

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
        """Checks the version the caller read, stamps the record and keeps it, with its debts.

        One atomic step: the check, the state, the debts, and what the record holds of counted
        things. The read set is checked in that step, or just before it. The stored state must be
        covered by `record.version`; a record this store has not got yet is taken whatever its
        version. The record is `admissible`. Raises what `Repository.save` promises;
        `Store.rejection` tells which.
        """

    @abstractmethod
    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        """Keeps each state if it is newer than what is stored; answers in the same order.

        Versions are kept as they come. A state that is kept replaces the debts of the one before
        it by `owing`. Never raises for one record's sake. No ceiling is checked: what another
        store accepted is accepted. The records of one call have different ids.
        """

    @abstractmethod
    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        """Puts the merged state in place of exactly `stored`; False when that has changed."""

    @abstractmethod
    def rehash(self, record_ids: Collection[str]) -> int:
        """Makes the stored digests of these records those of the shape their kind has now, and
        says how many were not. What was stored under an older shape keeps its digest until then:
        the state is the same, but it is told from what it is held to be by `replace`, and from
        its other half by `fingerprints`."""

    @abstractmethod
    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """The states as they are, tombstones included."""

    @abstractmethod
    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        """The next states in the order of their ids, tombstones included."""

    @abstractmethod
    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        """Leases states owed to the target and due, oldest entry first.

        Until the lease ends nobody else is given them; their debts become due again at `until`.
        """

    @abstractmethod
    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        """Those of the kinds of which something is owed to the target and due. One query,
        about all kinds that are kept beside this one."""

    @abstractmethod
    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        """Those of the kinds with something undelivered to the target. One query, as above."""

    @abstractmethod
    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        """Strikes off the debts of records that are still at the version that was shipped."""

    @abstractmethod
    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        """Makes debts missed and due: whoever was delivering them did not get through."""

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
        """Counts a failed try and says when the next one is due; a parked debt has no next one.

        Only of a record that is still at the version that was shipped. The debt no longer counts
        as missed: one record must not keep its store from being up.
        """

    @abstractmethod
    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        """Makes parked debts due again, with all tries before them, and says how many they were."""

    @abstractmethod
    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        """The parked debts, oldest first."""

    @abstractmethod
    def backlog(self, target: Target) -> Backlog:
        """How much of this kind is owed to the target."""

    @abstractmethod
    def fingerprints(self) -> Mapping[int, Fingerprint]:
        """Count and digest of each bucket that is not empty, computed inside the store."""

    @abstractmethod
    def bucket_digests(self, number: int) -> Mapping[str, int]:
        """The digest of every record in a bucket, by id."""

    @abstractmethod
    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        """What is held of counted things, of all kinds in this store; zero for unknown keys."""

    @abstractmethod
    def holders(self, key: str, limit: int) -> Sequence[R]:
        """The living records of this kind that hold something of a counted thing, at most `limit`,
        oldest first by creation and then by id. Only kinds with a default limit have an index for
        it."""
