"""The events of an order for other systems, derived from its state; nothing personal in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from dinerapp.ordering.domain.orders import HistoryStep, Order, Status
from dinerapp.ordering.domain.payments import Payment
from dinerapp.replication.events import RecordEvent, format_event_time
from dinerapp.replication.identity import derived_id


class Topic(StrEnum):
    """The topics of order events."""

    ORDER_PLACED = "order.placed"
    ORDER_STATUS_CHANGED = "order.status_changed"
    ORDER_PAID = "order.paid"
    ORDER_REFUNDED = "order.refunded"


def events_of(order: Order) -> Iterator[RecordEvent]:
    """Everything that an order's state tells of its past. The order is told as it is now, which
    may be further than it was then."""
    summary = {"order": _summary(order)}
    for step in order.history:
        yield (
            _placed_event(order, step, summary)
            if _is_first(step)
            else _step_event(order, step, summary)
        )
    for payment in order.payments:
        yield _payment_event(order, payment, summary)


def _is_first(step: HistoryStep) -> bool:
    return step.status is Status.PENDING


def _placed_event(order: Order, step: HistoryStep, summary: Mapping[str, Any]) -> RecordEvent:
    topic = Topic.ORDER_PLACED
    return RecordEvent(id=derived_id(topic, order.id), topic=topic, at=step.at, says=summary)


def _step_event(order: Order, step: HistoryStep, summary: Mapping[str, Any]) -> RecordEvent:
    topic = Topic.ORDER_STATUS_CHANGED
    status, actor, reason = step.identity
    return RecordEvent(
        id=derived_id(topic, order.id, status, actor, reason or ""),
        topic=topic,
        at=step.at,
        says={"status": str(step.status), **summary},
    )


def _payment_event(order: Order, payment: Payment, summary: Mapping[str, Any]) -> RecordEvent:
    topic = Topic.ORDER_PAID if payment.refund_of is None else Topic.ORDER_REFUNDED
    told = {"id": payment.id, "method": str(payment.method), "amount": abs(payment.amount)}
    if payment.refund_of is not None:
        told["refund_of"] = payment.refund_of
    return RecordEvent(
        id=derived_id(topic, order.id, payment.id),
        topic=topic,
        at=payment.at,
        says={"payment": told, **summary},
    )


def _summary(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "code": order.code,
        "status": str(order.status),
        "payment_status": str(order.payment_status),
        "fulfilment": str(order.fulfilment.type),
        "total": order.total,
        "currency": order.currency,
        "revision": order.version.revision,
        "created_at": format_event_time(order.created_at),
    }
