"""The delivery of one event to one webhook, with every attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dinerapp.replication.codec import digest
from dinerapp.replication.events import RecordEvent
from dinerapp.replication.identity import Operation
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

MAX_ATTEMPTS_KEPT = 50
RETRY_GROWTH = 3.0
RETRY_JITTER = 0.25


class DeliveryState(StrEnum):
    """How far it is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try: what the receiver answered, or why it did not."""

    at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver acknowledged it with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery(Record):
    """An event for a webhook. Its id never changes, so that receivers can detect duplicates.

    `due` is when the next try may begin, or until when somebody is at it. `tries` counts since it
    was last begun; `attempts` are the latest ever.
    """

    webhook_id: str
    event: str
    payload: Mapping[str, Any]
    state: DeliveryState = DeliveryState.PENDING
    due: datetime | None = None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()

    def with_lease(self, until: datetime, *, op_id: str, now: datetime) -> WebhookDelivery:
        """Claimed by somebody who is going to try."""
        return self.with_changes(op_id=op_id, now=now, due=until)

    def with_attempt(
        self, attempt: Attempt, wait: timedelta | None, *, op_id: str, now: datetime
    ) -> WebhookDelivery:
        """After one more try, which is repeated after the wait unless it succeeded."""
        attempts = (*self.attempts, attempt)[-MAX_ATTEMPTS_KEPT:]
        after = self.with_changes(op_id=op_id, now=now, attempts=attempts, tries=self.tries + 1)
        if attempt.succeeded:
            return replace(after, state=DeliveryState.DELIVERED, due=None)
        if wait is None:
            return replace(after, state=DeliveryState.GIVEN_UP, due=None)
        return replace(after, due=now + wait)

    def as_repeated(self, *, op_id: str, now: datetime) -> WebhookDelivery:
        """Due at once, with all tries before it, whatever has become of it."""
        return self.with_changes(
            op_id=op_id, now=now, state=DeliveryState.PENDING, due=now, tries=0
        )

    def as_deleted(self, *, op_id: str, now: datetime) -> WebhookDelivery:
        """What is left of it in the end: that there was one."""
        return self.with_changes(
            op_id=op_id, now=now, payload={}, attempts=(), due=None, deleted=True
        )


def delivery_of(event: RecordEvent, webhook_id: str) -> WebhookDelivery:
    """The delivery of an event to a webhook: the same one, whoever makes it and when."""
    made = Operation.from_key("deliveries", f"{webhook_id} {event.id}", b"")
    return WebhookDelivery(
        id=made.record_id,
        op_id=made.op_id,
        created_at=event.at,
        updated_at=event.at,
        webhook_id=webhook_id,
        event=event.topic,
        payload=event.payload,
        due=event.at,
    )


def merge_deliveries(
    first: WebhookDelivery, second: WebhookDelivery, _policy: MergePolicy
) -> MergeResult[WebhookDelivery]:
    """All tries of both; once delivered is delivered, else the later word counts."""
    ahead, behind = sorted((first, second), key=_progress, reverse=True)
    attempts = sorted({*first.attempts, *second.attempts}, key=_attempted_at)[-MAX_ATTEMPTS_KEPT:]
    return MergeResult(
        replace(ahead, attempts=tuple(attempts), tries=max(ahead.tries, behind.tries))
    )


def _progress(delivery: WebhookDelivery) -> tuple[object, ...]:
    delivered = delivery.state is DeliveryState.DELIVERED
    return delivered, delivery.updated_at, delivery.op_id, digest(delivery)


def _attempted_at(attempt: Attempt) -> tuple[object, ...]:
    return attempt.at, attempt.duration_ms, attempt.status or 0, attempt.error or ""


DELIVERIES = Kind("deliveries", WebhookDelivery, merge=merge_deliveries)
