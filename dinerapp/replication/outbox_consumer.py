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

from dinerapp.replication.errors import NoStoreAvailable, StoreFailure
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.ports.replica import ClaimedEntry, Replica, Target
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_log = structlog.get_logger(__name__)

RETRY_POLICY = RetryPolicy(max_tries=5, first_delay=timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """How much is taken at once, for how long, and when a record is given up."""

    batch_size: int = 500
    lease: timedelta = timedelta(seconds=10)
    retry_policy: RetryPolicy = RETRY_POLICY


@dataclass(slots=True)
class DeliveryReport:
    """Which states are dealt with, and which the target cannot take, with reasons."""

    acknowledged: list[tuple[str, Version]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


class OutboxConsumer:
    """Has no thread of its own."""

    def __init__(
        self,
        settings: ConsumerSettings | None = None,
        observer: Observer | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings or ConsumerSettings()
        self._observer = observer or Observer()
        self._now = now

    def consume(
        self, source: Replica[R], target: Target, handle: Callable[[Sequence[R]], DeliveryReport]
    ) -> int:
        """One batch of one kind; says how many records were dealt with. A store failure is raised
        after the batch was given back."""
        now = self._now()
        owed = source.claim(target, self._settings.batch_size, now, now + self._settings.lease)
        if not owed:
            return 0
        try:
            handed = handle([debt.record for debt in owed])
        except (StoreFailure, NoStoreAvailable):
            source.mark_undelivered(target, [debt.record.id for debt in owed], self._now())
            raise
        source.acknowledge(target, handed.acknowledged)
        self._reschedule_refused(owed, handed, source, target)
        self._observer.shipped(
            source.kind.name, target, len(handed.acknowledged), len(handed.refused)
        )
        return len(owed)

    def _reschedule_refused(
        self,
        entries: Sequence[ClaimedEntry[Any]],
        report: DeliveryReport,
        source: Replica[Any],
        target: Target,
    ) -> None:
        claimed = {debt.record.id: debt for debt in entries}
        for record_id, reason in report.refused:
            debt = claimed[record_id]
            wait = self._settings.retry_policy.delay(debt.tries + 1)
            due = self._now() + (wait or timedelta())
            source.reschedule(
                target, (record_id, debt.record.version), reason, due, give_up=wait is None
            )
            if wait is None:
                _log.error(
                    "record_parked",
                    kind=source.kind.name,
                    record_id=record_id,
                    to=target,
                    reason=reason,
                )
