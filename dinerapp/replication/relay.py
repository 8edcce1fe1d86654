"""Ships what one store owes the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from dinerapp.replication.outbox_consumer import Collector, Terms
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Backlog, Replica
from dinerapp.replication.record import utc_now
from dinerapp.replication.replicator import Handover
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place


class Relay:
    """Ships debts between the stores of each pair. Has no thread of its own."""

    def __init__(
        self,
        pairs: Sequence[Pair[Any]],
        handover: Handover,
        *,
        terms: Terms | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._pairs = pairs
        self._handover = handover
        self._collector = Collector(terms, observer, now)
        self._now = now

    def ship_to(self, place: Place) -> int:
        """One batch of each kind to the place; says how many records it dealt with."""
        due = self._of_kinds(
            place, lambda source, kinds: source.kinds_due(place, kinds, self._now())
        )
        pairs = [pair for pair in self._pairs if pair.kind in due]
        return sum(self.ship(pair.beside(place), pair.at(place)) for pair in pairs)

    def is_missing_some(self, place: Place) -> bool:
        """Whether the place has not received something that it missed."""
        return bool(self._of_kinds(place, lambda source, kinds: source.kinds_missed(place, kinds)))

    def _of_kinds(
        self, place: Place, ask: Callable[[Replica[Any], Sequence[str]], Collection[str]]
    ) -> Collection[str]:
        """What one store beside the place says of all kinds."""
        kinds = [pair.kind for pair in self._pairs]
        return ask(self._pairs[0].beside(place), kinds) if kinds else ()

    def backlog(self, place: Place) -> Backlog:
        """What the place is owed, all kinds together."""
        return Backlog.of_all(pair.beside(place).backlog(place) for pair in self._pairs)

    def ship(self, source: Replica[Any], target: Replica[Any]) -> int:
        """One batch of one kind. A store failure is raised after the batch was given back."""
        return self._collector.collect(
            source,
            target.place,
            lambda records: self._handover.deliver(records, source, target),
        )
