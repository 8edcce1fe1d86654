"""Bringing states from one store to the other: the one way it is done, inline and by the relay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, TypeVar

from dinerapp.replication import conflicts as filing
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.errors import RecordRejection
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.outbox_consumer import DeliveryReport
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import ApplyOutcome, ApplyResult, OutboxEntry, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.signals import announce, conflict_found

R = TypeVar("R", bound=Record)

MAX_MERGE_ATTEMPTS = 8
MAX_HOLDERS = 20


class Replicator:
    """Delivers states, merges those that were written concurrently, and files what lost.

    Everything it does may be repeated: conflicts have ids made from the states they are about,
    and are filed before the merged state replaces the one that lost. Conflicts are records that are
    replicated themselves: `save_conflict` is looked up when there is one.
    """

    def __init__(
        self,
        policy: MergePolicy,
        *,
        save_conflict: Callable[[Conflict], object],
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._save_conflict = save_conflict
        self._policy = policy
        self._observer = observer or Observer()
        self._now = now

    def replicate(
        self, records: Sequence[R], source: Replica[R], target: Replica[R]
    ) -> DeliveryReport:
        """Brings the states, which are the source's, to the target, and looks for what they have
        overdrawn there."""
        handed = self.deliver(records, source, target)
        self.report_oversold(self.reserved_keys(records, target), target)
        return handed

    def deliver(
        self, records: Sequence[R], source: Replica[R], target: Replica[R]
    ) -> DeliveryReport:
        """Brings the states only. Their debts must not be settled before somebody has looked for
        what they have overdrawn."""
        handed = DeliveryReport()
        for record, answer in zip(records, target.deliver(records), strict=True):
            if answer.outcome is ApplyOutcome.CONCURRENT and answer.stored is not None:
                answer = self._merge_concurrent(record, answer.stored, source, target)
            if answer.outcome is ApplyOutcome.REFUSED:
                handed.refused.append((record.id, answer.reason))
                continue
            if answer.displaced_id is not None:
                self._file_displaced(record, answer.displaced_id, target)
            handed.acknowledged.append((record.id, record.version))
        return handed

    def reserved_keys(self, records: Sequence[R], target: Replica[R]) -> set[str]:
        """The keys of counted things that the records hold."""
        return {key for record in records for key in target.kind.reservations(record)}

    def report_oversold(self, keys: Collection[str], target: Replica[Any]) -> None:
        """Files what is overdrawn of the counted things in the target: of a kind with a default
        limit each two records that are in one another's way, else each thing."""
        if not keys:
            return
        found: dict[str, Conflict] = {}
        for key, count in sorted(target.usage(keys).items()):
            if count.limit is not None and count.reserved > count.limit:
                for conflict in self._overdrawn(key, count.reserved, count.limit, target):
                    found.setdefault(conflict.id, conflict)
        for conflict in found.values():
            self._file_conflict(conflict)

    def _overdrawn(
        self, key: str, reserved: int, limit: int, target: Replica[Any]
    ) -> Sequence[Conflict]:
        kind, now = target.kind, self._now()
        if kind.default_limit is not None:
            pairs = _double_bookings(target.holders(key, MAX_HOLDERS), kind, key, limit)
            if pairs:
                return [
                    filing.from_double_booking(kind.name, *pair, key, limit, now) for pair in pairs
                ]
        return [filing.from_oversold(key, reserved, limit, now)]

    def _merge_concurrent(
        self, incoming: R, stored: R, source: Replica[R], target: Replica[R]
    ) -> ApplyResult[R]:
        for _ in range(MAX_MERGE_ATTEMPTS):
            merge = merge_states(target.kind, stored, incoming, self._policy)
            self._file_loser(merge, target)
            back = self._return_entries(merge.record, incoming, source)
            if merge.record == stored and not back:
                return ApplyResult(ApplyOutcome.ALREADY_APPLIED)
            owing = (*back, *OutboxEntry.for_followers(target.kind, self._now()))
            if target.replace(stored, merge.record, owing):
                return ApplyResult(ApplyOutcome.STORED)
            before, stored = stored, target.load([incoming.id])[incoming.id]
            if stored == before:
                target.rehash([stored.id])
        return ApplyResult(ApplyOutcome.REFUSED, reason="changed too often while it was merged")

    def _return_entries(
        self, merged: R, incoming: R, source: Replica[R]
    ) -> tuple[OutboxEntry, ...]:
        if merged == incoming:
            return ()
        return (OutboxEntry(source.store_id, self._now(), undelivered=True),)

    def _file_loser(self, merge: MergeResult[R], target: Replica[R]) -> None:
        if merge.loser is not None:
            name, winner, lost = target.kind.name, merge.record, merge.loser
            self._file_conflict(filing.from_states(name, winner, lost, merge.reason, self._now()))

    def _file_displaced(self, record: R, holder_id: str, target: Replica[R]) -> None:
        held = target.load([holder_id])[holder_id]
        reason = "a unique value was taken twice; this record is without it"
        name = target.kind.name
        self._file_conflict(filing.from_states(name, held, record, reason, self._now()))

    def _file_conflict(self, conflict: Conflict) -> None:
        try:
            self._save_conflict(conflict)
        except RecordRejection:
            return
        self._observer.conflict_filed(conflict.about, conflict.reason)
        announce(conflict_found, self, conflict=conflict)


def _double_bookings(
    holders: Sequence[R], kind: Kind[R], key: str, limit: int
) -> Sequence[tuple[R, R]]:
    """Of the holders, oldest first: each to whom the earlier ones left too little, with each of
    these."""
    held = accumulate(kind.reservations(record).get(key, 0) for record in holders)
    late = [position for position, reserved in enumerate(held) if reserved > limit]
    return [(earlier, holders[position]) for position in late for earlier in holders[:position]]
