"""What is left of an order once the guest is erased: all that the books need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dinerapp.ordering.domain.orders import HistoryStep, Order, OrderContact

_NO_CONTACT = OrderContact(name="", phone="")
_ANONYMOUS_ACTOR = "guest"


def anonymise(order: Order, at: datetime) -> Order:
    """The state without the guest: who and where they are, and every free text.

    Lines, amounts, payments with their references, and what staff did stay as they are.
    """
    if order.erased_at is not None:
        return order
    return replace(
        order,
        customer=_NO_CONTACT,
        fulfilment=replace(order.fulfilment, address=None),
        notes=None,
        user_id=None,
        lines=tuple(replace(line, notes=None) for line in order.lines),
        tickets=tuple(replace(ticket, notes=None) for ticket in order.tickets),
        payments=tuple(replace(payment, reason=None) for payment in order.payments),
        history=tuple(_anonymise_event(event, order.user_id) for event in order.history),
        erased_at=at,
    )


def with_equal_erasure(first: Order, second: Order) -> tuple[Order, Order]:
    """Two states of one order; neither says anything of a guest whom the other has erased."""
    moments = [order.erased_at for order in (first, second) if order.erased_at is not None]
    if not moments:
        return first, second
    at = max(moments)
    return replace(anonymise(first, at), erased_at=at), replace(anonymise(second, at), erased_at=at)


def _anonymise_event(event: HistoryStep, user_id: str | None) -> HistoryStep:
    actor = _ANONYMOUS_ACTOR if user_id is not None and event.actor == user_id else event.actor
    return replace(event, actor=actor, reason=None)
