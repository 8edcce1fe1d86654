"""Ships what one store owes the other.

Any number of relays on any number of hosts share the work: each batch is leased. A relay that
dies leaves its batch to the next one when the lease ends; shipping a state twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from dinerapp.domain.record import utc_now
from dinerapp.domain.version import Place
from dinerapp.errors import NothingAvailable, StoreFailure
from dinerapp.ports.observer import Observer
from dinerapp.ports.replica import Backlog, Owed, Replica
from dinerapp.sync.handover import Handed, Handover
from dinerapp.sync.pairs import Pair

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How much a relay takes at once, for how long, and when it gives a record up."""

    batch: int = 500
    lease: timedelta = timedelta(seconds=10)
    tries: int = 5
    first_wait: timedelta = timedelta(seconds=1)


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
        self._terms = terms or Terms()
        self._observer = observer or Observer()
        self._now = now

    def ship_to(self, place: Place) -> int:
        """One batch of each kind to the place; says how many records it dealt with."""
        return sum(self.ship(pair.beside(place), pair.at(place)) for pair in self._pairs)

    def backlog(self, place: Place) -> Backlog:
        """What the place is owed, all kinds together."""
        each = [pair.beside(place).backlog(place) for pair in self._pairs]
        return Backlog(
            sum(one.waiting for one in each),
            sum(one.missed for one in each),
            sum(one.parked for one in each),
        )

    def ship(self, source: Replica[Any], target: Replica[Any]) -> int:
        """One batch of one kind. A store failure is raised after the batch was given back."""
        now = self._now()
        owed = source.claim(target.place, self._terms.batch, now, now + self._terms.lease)
        if not owed:
            return 0
        try:
            handed = self._handover.deliver([debt.record for debt in owed], source, target)
        except (StoreFailure, NothingAvailable):
            source.miss(target.place, [debt.record.id for debt in owed], self._now())
            raise
        source.settle(target.place, handed.settled)
        self._put_off(owed, handed, source, target.place)
        self._observer.shipped(
            source.kind.name, target.place, len(handed.settled), len(handed.refused)
        )
        return len(owed)

    def _put_off(
        self, owed: Sequence[Owed[Any]], handed: Handed, source: Replica[Any], place: Place
    ) -> None:
        claimed = {debt.record.id: debt for debt in owed}
        for record_id, reason in handed.refused:
            debt = claimed[record_id]
            park = debt.tries + 1 >= self._terms.tries
            due = self._now() + self._terms.first_wait * 2**debt.tries
            source.postpone(place, (record_id, debt.record.version), reason, due, park=park)
            if park:
                _log.error(
                    "record_parked",
                    kind=source.kind.name,
                    record_id=record_id,
                    store=place,
                    reason=reason,
                )
