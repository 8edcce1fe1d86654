"""Many new records at once, in every store: a batch is written as one record would be.

One store takes the batch and notes what it owes, the other one receives it, and the debts are
struck off. Whoever dies in between leaves debts that a relay pays, or that the next try finds paid.
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
    """What the first store has of some records, what each of the others has, and what is new."""

    in_first: Mapping[str, R]
    in_others: Sequence[Mapping[str, R]]
    new_records: Sequence[R]


class BulkLoader(Generic[R]):
    """The stores of one kind, primary first. They must all be up: nobody falls back here."""

    def __init__(self, stores: Sequence[Replica[R]], replicator: Replicator) -> None:
        self._first, *self._others = stores
        self._replicator = replicator

    def find(self, record_id: str) -> R | None:
        """The record in any of the stores, even if it was deleted."""
        every = (store.load([record_id]) for store in (self._first, *self._others))
        return next((found[record_id] for found in every if record_id in found), None)

    def load_missing(
        self,
        count: int,
        id_of: Callable[[int], str],
        make: Callable[[int], R],
        progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Makes those of so many records that no store has, and says how many that were. The
        number of a record gives its id by `key`; what `make` makes of it is canonical.

        Batches are written in the order of their numbers, so that another try begins with the
        last one that was begun. While a batch is written the next one is made.
        """
        done, seen = 0, self._resume_position(count, id_of)
        under_way: Future[int] | None = None
        with ThreadPoolExecutor(1) as writer:
            for start in range(seen, count, BATCH_SIZE):
                numbers = range(start, min(start + BATCH_SIZE, count))
                batch = self._prepare_batch({id_of(number): number for number in numbers}, make)
                done += under_way.result() if under_way else 0
                progress(seen)
                under_way, seen = writer.submit(self._write, batch), numbers.stop
            done += under_way.result() if under_way else 0
            progress(seen)
        return done

    def _resume_position(self, count: int, id_of: Callable[[int], str]) -> int:
        """The number before which all is done: who began a batch had finished the one before."""
        starts = range(0, count, BATCH_SIZE)
        begun = bisect_left(starts, True, key=lambda start: self.find(id_of(start)) is None)
        return BATCH_SIZE * max(0, begun - 1)

    def _prepare_batch(self, numbers: Mapping[str, int], make: Callable[[int], R]) -> _Batch[R]:
        with deadline.within(_TIMEOUT_SECONDS):
            mine = self._first.load(numbers)
            theirs = [other.load(numbers) for other in self._others]
        known = set(mine).union(*theirs)
        new = [make(number) for key, number in numbers.items() if key not in known]
        return _Batch(mine, theirs, [record.as_accepted_by(self._first.store_id) for record in new])

    def _write(self, batch: _Batch[R]) -> int:
        """How many of the new ones were taken: none of those that somebody else made meanwhile."""
        with deadline.within(_TIMEOUT_SECONDS):
            taken = self._store_new(batch.new_records) if batch.new_records else []
            states = [*batch.in_first.values(), *taken]
            for other, held in zip(self._others, batch.in_others, strict=True):
                self._replicate(states, other, held)
        return len(taken)

    def _store_new(self, states: Sequence[R]) -> list[R]:
        due = utc_now() + _DELIVERY_GRACE
        owing = [OutboxEntry(other.store_id, due, undelivered=False) for other in self._others]
        answers = zip(states, self._first.deliver(states, owing), strict=True)
        return [state for state, answer in answers if answer.outcome is ApplyOutcome.STORED]

    def _replicate(
        self, states: Sequence[R], target: Replica[R], in_target: Mapping[str, R]
    ) -> None:
        lacking = [state for state in states if in_target.get(state.id) != state]
        try:
            handed = self._replicator.replicate(lacking, self._first, target)
        except (StoreFailure, NoStoreAvailable):
            self._first.mark_undelivered(
                target.store_id, [state.id for state in lacking], utc_now()
            )
            raise
        equal = [(state.id, state.version) for state in states if in_target.get(state.id) == state]
        self._first.acknowledge(target.store_id, [*equal, *handed.acknowledged])
