"""Bringing states from one store to the other: the one way it is done, inline and by the relay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

from dinerapp.replication import conflicts as filing
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.errors import RecordRejection
from dinerapp.replication.kind import Merge
from dinerapp.replication.merge import Policy, reconciled
from dinerapp.replication.outbox_consumer import Handed
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Delivery, Owing, Replica, Taken
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.signals import announce, conflict_found

R = TypeVar("R", bound=Record)

ROUNDS = 8


class Handover:
    """Delivers states, merges those that were written concurrently, and files what lost.

    Everything it does may be repeated: conflicts have ids made from the states they are about,
    and are filed before the merged state replaces the one that lost. Conflicts are records that are
    replicated themselves: `save_conflict` is looked up when there is one.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        save_conflict: Callable[[Conflict], object],
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._save_conflict = save_conflict
        self._policy = policy
        self._observer = observer or Observer()
        self._now = now

    def deliver(self, records: Sequence[R], source: Replica[R], target: Replica[R]) -> Handed:
        """Brings the states, which are the source's, to the target, and looks for what they have
        overdrawn there."""
        handed = self.bring(records, source, target)
        self.look_at(self.held_by(records, target), target)
        return handed

    def bring(self, records: Sequence[R], source: Replica[R], target: Replica[R]) -> Handed:
        """Brings the states only. Their debts must not be settled before somebody has looked for
        what they have overdrawn."""
        handed = Handed()
        for record, answer in zip(records, target.deliver(records), strict=True):
            if answer.taken is Taken.CONCURRENT and answer.stored is not None:
                answer = self._settle_concurrent(record, answer.stored, source, target)
            if answer.taken is Taken.REFUSED:
                handed.refused.append((record.id, answer.reason))
                continue
            if answer.displaced is not None:
                self._file_displaced(record, answer.displaced, target)
            handed.settled.append((record.id, record.version))
        return handed

    def held_by(self, records: Sequence[R], target: Replica[R]) -> set[str]:
        """The keys of counted things that the records hold."""
        return {key for record in records for key in target.kind.holds(record)}

    def look_at(self, keys: Collection[str], target: Replica[Any]) -> None:
        """Files what is overdrawn of the counted things in the target."""
        if not keys:
            return
        for key, count in target.counts(keys).items():
            if count.ceiling is not None and count.held > count.ceiling:
                self._file(filing.of_counter(key, count.held, count.ceiling, self._now()))

    def _settle_concurrent(
        self, incoming: R, stored: R, source: Replica[R], target: Replica[R]
    ) -> Delivery[R]:
        for _ in range(ROUNDS):
            merge = reconciled(target.kind, stored, incoming, self._policy)
            self._file_lost(merge, target)
            back = self._owed_back(merge.record, incoming, source)
            if merge.record == stored and not back:
                return Delivery(Taken.HAD_IT)
            owing = (*back, *Owing.followers(target.kind, self._now()))
            if target.replace(stored, merge.record, owing):
                return Delivery(Taken.STORED)
            before, stored = stored, target.load([incoming.id])[incoming.id]
            if stored == before:
                target.refresh([stored.id])
        return Delivery(Taken.REFUSED, reason="changed too often while it was merged")

    def _owed_back(self, merged: R, incoming: R, source: Replica[R]) -> tuple[Owing, ...]:
        if merged == incoming:
            return ()
        return (Owing(source.place, self._now(), missed=True),)

    def _file_lost(self, merge: Merge[R], target: Replica[R]) -> None:
        if merge.lost is not None:
            name, winner, lost = target.kind.name, merge.record, merge.lost
            self._file(filing.of_states(name, winner, lost, merge.reason, self._now()))

    def _file_displaced(self, record: R, displaced: str, target: Replica[R]) -> None:
        held = target.load([displaced])[displaced]
        reason = "a unique value was taken twice; this record is without it"
        name = target.kind.name
        self._file(filing.of_states(name, held, record, reason, self._now()))

    def _file(self, conflict: Conflict) -> None:
        try:
            self._save_conflict(conflict)
        except RecordRejection:
            return
        self._observer.conflict(conflict.about, conflict.reason)
        announce(conflict_found, self, conflict=conflict)
