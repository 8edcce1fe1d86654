"""Working off what a store owes somebody: claimed in batches, dealt with, struck off or put off.

Any number of collectors on any number of hosts share the work: each batch is leased. One that
dies leaves its batch to the next one when the lease ends; dealing with a state twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from dinerapp.replication.errors import NothingAvailable, StoreFailure
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import Creditor, Owed, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How much is taken at once, for how long, and when a record is given up."""

    batch: int = 500
    lease: timedelta = timedelta(seconds=10)
    tries: int = 5
    first_wait: timedelta = timedelta(seconds=1)


@dataclass(slots=True)
class Handed:
    """Which states are dealt with, and which the creditor cannot take, with reasons."""

    settled: list[tuple[str, Version]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


class Collector:
    """Has no thread of its own."""

    def __init__(
        self,
        terms: Terms | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._terms = terms or Terms()
        self._observer = observer or Observer()
        self._now = now

    def collect(
        self, source: Replica[R], to: Creditor, deal: Callable[[Sequence[R]], Handed]
    ) -> int:
        """One batch of one kind; says how many records were dealt with. A store failure is raised
        after the batch was given back."""
        now = self._now()
        owed = source.claim(to, self._terms.batch, now, now + self._terms.lease)
        if not owed:
            return 0
        try:
            handed = deal([debt.record for debt in owed])
        except (StoreFailure, NothingAvailable):
            source.miss(to, [debt.record.id for debt in owed], self._now())
            raise
        source.settle(to, handed.settled)
        self._put_off(owed, handed, source, to)
        self._observer.shipped(source.kind.name, to, len(handed.settled), len(handed.refused))
        return len(owed)

    def _put_off(
        self, owed: Sequence[Owed[Any]], handed: Handed, source: Replica[Any], to: Creditor
    ) -> None:
        claimed = {debt.record.id: debt for debt in owed}
        for record_id, reason in handed.refused:
            debt = claimed[record_id]
            park = debt.tries + 1 >= self._terms.tries
            due = self._now() + self._terms.first_wait * 2**debt.tries
            source.postpone(to, (record_id, debt.record.version), reason, due, park=park)
            if park:
                _log.error(
                    "record_parked",
                    kind=source.kind.name,
                    record_id=record_id,
                    to=to,
                    reason=reason,
                )
