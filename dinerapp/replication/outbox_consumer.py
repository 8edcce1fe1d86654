"""Works off outbox entries in batches: claims, handles, and acknowledges or reschedules them.

Any number of consumers on any number of hosts share the work, because each batch is leased. If one
dies, its batch is claimed again when the lease ends; handling a state twice does no harm.
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
    """How much is claimed at a time, for how long, and when a record is given up."""

    batch_size: int = 500
    lease: timedelta = timedelta(seconds=10)
    retry_policy: RetryPolicy = RETRY_POLICY


@dataclass(slots=True)
class DeliveryReport:
    """The states that were delivered, and those that the target refused, with reasons."""

    acknowledged: list[tuple[str, Version]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


class OutboxConsumer:
    """Consumes the outbox entries of any store and target. Has no thread of its own."""

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
        """Handles one batch of one kind, and returns how many records that was. A store failure
        releases the batch and is raised again."""
        now = self._now()
        claimed = source.claim(target, self._settings.batch_size, now, now + self._settings.lease)
        if not claimed:
            return 0
        try:
            report = handle([entry.record for entry in claimed])
        except (StoreFailure, NoStoreAvailable):
            source.mark_undelivered(target, [entry.record.id for entry in claimed], self._now())
            raise
        source.acknowledge(target, report.acknowledged)
        self._reschedule_refused(claimed, report, source, target)
        self._observer.shipped(
            source.kind.name, target, len(report.acknowledged), len(report.refused)
        )
        return len(claimed)

    def _reschedule_refused(
        self,
        entries: Sequence[ClaimedEntry[Any]],
        report: DeliveryReport,
        source: Replica[Any],
        target: Target,
    ) -> None:
        claimed = {entry.record.id: entry for entry in entries}
        for record_id, reason in report.refused:
            entry = claimed[record_id]
            wait = self._settings.retry_policy.delay(entry.tries + 1)
            due = self._now() + (wait or timedelta())
            source.reschedule(
                target, (record_id, entry.record.version), reason, due, give_up=wait is None
            )
            if wait is None:
                _log.error(
                    "record_parked",
                    kind=source.kind.name,
                    record_id=record_id,
                    to=target,
                    reason=reason,
                )
