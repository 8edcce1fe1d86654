"""Loads many new records into every store, in batches.

The first store accepts a batch with its outbox entries, the others receive it, and the entries are
acknowledged. If the process dies in between, a relay or the next run delivers what is left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from dinerapp.replication import deadline
from dinerapp.replication.errors import NoStoreAvailable, StoreFailure
from dinerapp.replication.ports.replica import ApplyOutcome, OutboxEntry, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.replicator import Replicator

R = TypeVar("R", bound=Record)

BATCH_SIZE = 500
_TIMEOUT_SECONDS = 60.0
_DELIVERY_GRACE = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class _Batch(Generic[R]):
    """Records as the first store has them, as each of the others has them, and the new ones."""

    in_first: Mapping[str, R]
    in_others: Sequence[Mapping[str, R]]
    new_records: Sequence[R]


class BulkLoader(Generic[R]):
    """Loads into the stores of one kind, primary first. All must be up: there is no failover."""

    def __init__(self, stores: Sequence[Replica[R]], replicator: Replicator) -> None:
        self._first, *self._others = stores
        self._replicator = replicator

    def find(self, record_id: str) -> R | None:
        """The record in any of the stores, even if it was deleted."""
        results = (store.load([record_id]) for store in (self._first, *self._others))
        return next((found[record_id] for found in results if record_id in found), None)

    def load_missing(
        self,
        count: int,
        id_of: Callable[[int], str],
        make: Callable[[int], R],
        progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Creates the records that no store has yet, and returns how many those were.

        `id_of` and `make` turn a number below `count` into an id and a canonical record.
        Batches are written in order, so that another run can resume at the last batch that was
        started. The next batch is prepared while one is being written.
        """
        created, seen = 0, self._resume_position(count, id_of)
        pending: Future[int] | None = None
        with ThreadPoolExecutor(1) as writer:
            for start in range(seen, count, BATCH_SIZE):
                numbers = range(start, min(start + BATCH_SIZE, count))
                batch = self._prepare_batch({id_of(number): number for number in numbers}, make)
                created += pending.result() if pending else 0
                progress(seen)
                pending, seen = writer.submit(self._write, batch), numbers.stop
            created += pending.result() if pending else 0
            progress(seen)
        return created

    def _resume_position(self, count: int, id_of: Callable[[int], str]) -> int:
        """Where to resume: before the last batch that was started, everything is complete."""
        starts = range(0, count, BATCH_SIZE)
        started = bisect_left(starts, True, key=lambda start: self.find(id_of(start)) is None)
        return BATCH_SIZE * max(0, started - 1)

    def _prepare_batch(self, numbers: Mapping[str, int], make: Callable[[int], R]) -> _Batch[R]:
        with deadline.within(_TIMEOUT_SECONDS):
            in_first = self._first.load(numbers)
            in_others = [other.load(numbers) for other in self._others]
        known = set(in_first).union(*in_others)
        new = [make(number) for key, number in numbers.items() if key not in known]
        accepted = [record.as_accepted_by(self._first.store_id) for record in new]
        return _Batch(in_first, in_others, accepted)

    def _write(self, batch: _Batch[R]) -> int:
        """How many records were stored, without those that another process created meanwhile."""
        with deadline.within(_TIMEOUT_SECONDS):
            stored = self._store_new(batch.new_records) if batch.new_records else []
            states = [*batch.in_first.values(), *stored]
            for other, in_other in zip(self._others, batch.in_others, strict=True):
                self._replicate(states, other, in_other)
        return len(stored)

    def _store_new(self, states: Sequence[R]) -> list[R]:
        due = utc_now() + _DELIVERY_GRACE
        entries = [OutboxEntry(other.store_id, due, undelivered=False) for other in self._others]
        results = zip(states, self._first.deliver(states, entries), strict=True)
        return [state for state, result in results if result.outcome is ApplyOutcome.STORED]

    def _replicate(
        self, states: Sequence[R], target: Replica[R], in_target: Mapping[str, R]
    ) -> None:
        differing = [state for state in states if in_target.get(state.id) != state]
        try:
            report = self._replicator.replicate(differing, self._first, target)
        except (StoreFailure, NoStoreAvailable):
            self._first.mark_undelivered(
                target.store_id, [state.id for state in differing], utc_now()
            )
            raise
        equal = [(state.id, state.version) for state in states if in_target.get(state.id) == state]
        self._first.acknowledge(target.store_id, [*equal, *report.acknowledged])
