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
    """The state of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: the status of the response, or the error if there was none."""

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
    """The delivery of an event to a webhook. Its id never changes, so that receivers can detect
    duplicates.

    `due` is when the next try may start, or when the lease of the current one ends. `tries` counts
    those since the delivery was last started; `attempts` keeps the latest ones of all.
    """

    webhook_id: str
    event: str
    payload: Mapping[str, Any]
    state: DeliveryState = DeliveryState.PENDING
    due: datetime | None = None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()

    def with_lease(self, until: datetime, *, op_id: str, now: datetime) -> WebhookDelivery:
        """The delivery after it was claimed for a try."""
        return self.with_changes(op_id=op_id, now=now, due=until)

    def with_attempt(
        self, attempt: Attempt, retry_delay: timedelta | None, *, op_id: str, now: datetime
    ) -> WebhookDelivery:
        """The delivery after one more try; unless that succeeded, the next one follows after the
        delay."""
        attempts = (*self.attempts, attempt)[-MAX_ATTEMPTS_KEPT:]
        after = self.with_changes(op_id=op_id, now=now, attempts=attempts, tries=self.tries + 1)
        if attempt.succeeded:
            return replace(after, state=DeliveryState.DELIVERED, due=None)
        if retry_delay is None:
            return replace(after, state=DeliveryState.GIVEN_UP, due=None)
        return replace(after, due=now + retry_delay)

    def as_repeated(self, *, op_id: str, now: datetime) -> WebhookDelivery:
        """The delivery started again at once, whatever its state."""
        return self.with_changes(
            op_id=op_id, now=now, state=DeliveryState.PENDING, due=now, tries=0
        )

    def as_deleted(self, *, op_id: str, now: datetime) -> WebhookDelivery:
        """What remains of the delivery after it was deleted."""
        return self.with_changes(
            op_id=op_id, now=now, payload={}, attempts=(), due=None, deleted=True
        )


def delivery_of(event: RecordEvent, webhook_id: str) -> WebhookDelivery:
    """The delivery of an event to a webhook, the same whoever creates it and when."""
    operation = Operation.from_key("deliveries", f"{webhook_id} {event.id}", b"")
    return WebhookDelivery(
        id=operation.record_id,
        op_id=operation.op_id,
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
    """All attempts of both; a delivered state wins, otherwise the later one does."""
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
