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
from dinerapp.replication.errors import NothingAvailable, StoreFailure
from dinerapp.replication.ports.replica import Owing, Replica, Taken
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.replicator import Handover

R = TypeVar("R", bound=Record)

AT_ONCE = 500
_PATIENCE = 60.0
_GRACE = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class _Batch(Generic[R]):
    """What the first store has of some records, what each of the others has, and what is new."""

    mine: Mapping[str, R]
    theirs: Sequence[Mapping[str, R]]
    new: Sequence[R]


class Bulk(Generic[R]):
    """The stores of one kind, primary first. They must all be up: nobody falls back here."""

    def __init__(self, stores: Sequence[Replica[R]], handover: Handover) -> None:
        self._first, *self._others = stores
        self._handover = handover

    def find(self, record_id: str) -> R | None:
        """The record in any of the stores, even if it was deleted."""
        every = (store.load([record_id]) for store in (self._first, *self._others))
        return next((found[record_id] for found in every if record_id in found), None)

    def bring(
        self,
        count: int,
        key: Callable[[int], str],
        make: Callable[[int], R],
        report: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Makes those of so many records that no store has, and says how many that were. The
        number of a record gives its id by `key`; what `make` makes of it is canonical.

        Batches are written in the order of their numbers, so that another try begins with the
        last one that was begun. While a batch is written the next one is made.
        """
        done, seen = 0, self._finished(count, key)
        under_way: Future[int] | None = None
        with ThreadPoolExecutor(1) as writer:
            for start in range(seen, count, AT_ONCE):
                numbers = range(start, min(start + AT_ONCE, count))
                batch = self._made({key(number): number for number in numbers}, make)
                done += under_way.result() if under_way else 0
                report(seen)
                under_way, seen = writer.submit(self._write, batch), numbers.stop
            done += under_way.result() if under_way else 0
            report(seen)
        return done

    def _finished(self, count: int, key: Callable[[int], str]) -> int:
        """The number before which all is done: who began a batch had finished the one before."""
        starts = range(0, count, AT_ONCE)
        begun = bisect_left(starts, True, key=lambda start: self.find(key(start)) is None)
        return AT_ONCE * max(0, begun - 1)

    def _made(self, numbers: Mapping[str, int], make: Callable[[int], R]) -> _Batch[R]:
        with deadline.within(_PATIENCE):
            mine = self._first.load(numbers)
            theirs = [other.load(numbers) for other in self._others]
        known = set(mine).union(*theirs)
        new = [make(number) for key, number in numbers.items() if key not in known]
        return _Batch(mine, theirs, [record.stamped(self._first.place) for record in new])

    def _write(self, batch: _Batch[R]) -> int:
        """How many of the new ones were taken: none of those that somebody else made meanwhile."""
        with deadline.within(_PATIENCE):
            taken = self._taken(batch.new) if batch.new else []
            states = [*batch.mine.values(), *taken]
            for other, held in zip(self._others, batch.theirs, strict=True):
                self._hand_over(states, other, held)
        return len(taken)

    def _taken(self, states: Sequence[R]) -> list[R]:
        due = utc_now() + _GRACE
        owing = [Owing(other.place, due, missed=False) for other in self._others]
        answers = zip(states, self._first.deliver(states, owing), strict=True)
        return [state for state, answer in answers if answer.taken is Taken.STORED]

    def _hand_over(self, states: Sequence[R], other: Replica[R], held: Mapping[str, R]) -> None:
        lacking = [state for state in states if held.get(state.id) != state]
        try:
            handed = self._handover.deliver(lacking, self._first, other)
        except (StoreFailure, NothingAvailable):
            self._first.miss(other.place, [state.id for state in lacking], utc_now())
            raise
        equal = [(state.id, state.version) for state in states if held.get(state.id) == state]
        self._first.settle(other.place, [*equal, *handed.settled])
