"""Many new records at once, in every store: a batch is written as one record would be.

One store takes the batch and notes what it owes, the other one receives it, and the debts are
struck off. Whoever dies in between leaves debts that a relay pays, or that the next try finds paid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from dinerapp.domain import codec
from dinerapp.domain.record import Record, utc_now
from dinerapp.ports import deadline
from dinerapp.ports.replica import Owing, Replica, Taken
from dinerapp.sync.batches import batches
from dinerapp.sync.handover import Handover

R = TypeVar("R", bound=Record)

_PATIENCE = 60.0
_GRACE = timedelta(seconds=90)


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
        wanted: Iterable[tuple[str, Callable[[], R]]],
        report: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Makes those of the wanted records, by id, that no store has, and says how many that
        were. Afterwards every store has them all, whatever became of an earlier try."""
        made, seen = 0, 0
        for batch in batches(wanted):
            with deadline.within(_PATIENCE):
                made += self._bring(dict(batch))
            seen += len(batch)
            report(seen)
        return made

    def _bring(self, wanted: Mapping[str, Callable[[], R]]) -> int:
        mine = dict(self._first.load(wanted))
        theirs = [other.load(wanted) for other in self._others]
        known = set(mine).union(*theirs)
        new = self._taken([make() for key, make in wanted.items() if key not in known])
        mine.update((record.id, record) for record in new)
        for other, held in zip(self._others, theirs, strict=True):
            self._hand_over([*mine.values()], other, held)
        return len(new)

    def _taken(self, records: Sequence[R]) -> list[R]:
        states = [codec.canonical(record).stamped(self._first.place) for record in records]
        due = utc_now() + _GRACE
        owing = [Owing(other.place, due, missed=False) for other in self._others]
        answers = self._first.deliver(states, owing) if states else []
        pairs = zip(states, answers, strict=True)
        return [state for state, answer in pairs if answer.taken is Taken.STORED]

    def _hand_over(self, mine: Sequence[R], other: Replica[R], held: Mapping[str, R]) -> None:
        lacking = [record for record in mine if held.get(record.id) != record]
        handed = self._handover.deliver(lacking, self._first, other)
        equal = [(record.id, record.version) for record in mine if held.get(record.id) == record]
        self._first.settle(other.place, [*equal, *handed.settled])
