"""What is left of an order when the guest is to be forgotten: all that the books need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dinerapp.ordering.domain.orders import Customer, Event, Order

_NOBODY = Customer(name="", phone="")
_SOMEBODY = "guest"


def nameless(order: Order, at: datetime) -> Order:
    """The state without the guest: who and where they are, and every free text.

    Lines, amounts, payments with their references, and what staff did stay as they are.
    """
    if order.erased_at is not None:
        return order
    return replace(
        order,
        customer=_NOBODY,
        fulfilment=replace(order.fulfilment, address=None),
        notes=None,
        user_id=None,
        lines=tuple(replace(line, notes=None) for line in order.lines),
        tickets=tuple(replace(ticket, notes=None) for ticket in order.tickets),
        payments=tuple(replace(payment, reason=None) for payment in order.payments),
        history=tuple(_nameless(event, order.user_id) for event in order.history),
        erased_at=at,
    )


def erased(order: Order, at: datetime, *, op_id: str, now: datetime) -> Order:
    """The order after the guest was erased; being so already is no change."""
    if order.erased_at is not None:
        return order
    left = nameless(order, at)
    return left.with_changes(op_id=op_id, now=now)


def alike(one: Order, other: Order) -> tuple[Order, Order]:
    """Two states of one order; neither says anything of a guest whom the other has erased."""
    moments = [order.erased_at for order in (one, other) if order.erased_at is not None]
    if not moments:
        return one, other
    at = max(moments)
    return replace(nameless(one, at), erased_at=at), replace(nameless(other, at), erased_at=at)


def _nameless(event: Event, user_id: str | None) -> Event:
    actor = _SOMEBODY if user_id is not None and event.actor == user_id else event.actor
    return replace(event, actor=actor, reason=None)
