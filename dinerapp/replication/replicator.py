"""Delivers states from one store to the other; used both inline and by the relay."""

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
    """Delivers states, merges concurrent ones, and files a conflict for what lost.

    Every call is idempotent: the id of a conflict is derived from the states that it is about, and
    the conflict is filed before the merged state replaces the one that lost. Conflicts are
    replicated records themselves, saved by `save_conflict`.
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
        """Delivers states of the source to the target, and reports what they oversell there."""
        report = self.deliver(records, source, target)
        self.report_oversold(self.reserved_keys(records, target), target)
        return report

    def deliver(
        self, records: Sequence[R], source: Replica[R], target: Replica[R]
    ) -> DeliveryReport:
        """Delivers states. Before the caller acknowledges their outbox entries, it must call
        `report_oversold` for the keys that they reserve."""
        report = DeliveryReport()
        for record, result in zip(records, target.deliver(records), strict=True):
            if result.outcome is ApplyOutcome.CONCURRENT and result.stored is not None:
                result = self._merge_concurrent(record, result.stored, source, target)
            if result.outcome is ApplyOutcome.REFUSED:
                report.refused.append((record.id, result.reason))
                continue
            if result.displaced_id is not None:
                self._file_displaced(record, result.displaced_id, target)
            report.acknowledged.append((record.id, record.version))
        return report

    def reserved_keys(self, records: Sequence[R], target: Replica[R]) -> set[str]:
        """The keys of the counted things that the records reserve."""
        return {key for record in records for key in target.kind.reservations(record)}

    def report_oversold(self, keys: Collection[str], target: Replica[Any]) -> None:
        """Files a conflict for each counted thing that is oversold in the target. If the kind has a
        default limit, that is a conflict for each pair of records which cannot both have it."""
        if not keys:
            return
        conflicts: dict[str, Conflict] = {}
        for key, usage in sorted(target.usage(keys).items()):
            if usage.limit is not None and usage.reserved > usage.limit:
                for conflict in self._oversold(key, usage.reserved, usage.limit, target):
                    conflicts.setdefault(conflict.id, conflict)
        for conflict in conflicts.values():
            self._file_conflict(conflict)

    def _oversold(
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
            entries = (*back, *OutboxEntry.for_followers(target.kind, self._now()))
            if target.replace(stored, merge.record, entries):
                return ApplyResult(ApplyOutcome.STORED)
            before, stored = stored, target.load([incoming.id])[incoming.id]
            if stored == before:
                target.rehash([stored.id])
        return ApplyResult(
            ApplyOutcome.REFUSED, reason="changed too often while it was being merged"
        )

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

    def _file_displaced(self, record: R, displaced_id: str, target: Replica[R]) -> None:
        displaced = target.load([displaced_id])[displaced_id]
        reason = "a unique value was taken twice; this record is without it"
        name = target.kind.name
        self._file_conflict(filing.from_states(name, displaced, record, reason, self._now()))

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
    """Pairs of records that exceed the limit: each record that no longer fits, with every older
    one. The holders are ordered from oldest to newest."""
    totals = accumulate(kind.reservations(record).get(key, 0) for record in holders)
    over_limit = [position for position, total in enumerate(totals) if total > limit]
    return [
        (earlier, holders[position]) for position in over_limit for earlier in holders[:position]
    ]
