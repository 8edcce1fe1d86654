"""What an auditor would say about an order: one sentence for everything that cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.ordering.domain.orders import STEPS, FulfilmentType, Order, Status
from dinerapp.ordering.domain.payments import Method, PaymentStatus, left_of
from dinerapp.ordering.domain.tickets import TicketStatus
from dinerapp.replication import codec

CLOSED_STATUSES = (Status.COMPLETED, Status.CANCELLED)
COOKED_STATUSES = (Status.READY, Status.OUT_FOR_DELIVERY, Status.COMPLETED)


def find_violations(order: Order, menu: Mapping[str, MenuItem], now: datetime) -> list[str]:
    """None, if all is well."""
    every = (
        *_record_violations(order, now),
        *_line_violations(order, menu),
        *_total_violations(order),
        *_payment_violations(order),
        *_step_violations(order, now),
        *_ticket_violations(order),
        *_delivery_violations(order),
    )
    return [f"{order.code}: {one}" for one in every]


def _record_violations(order: Order, now: datetime) -> Iterator[str]:
    if codec.canonical(order) != order:
        yield "is not canonical"
    if not order.created_at <= order.updated_at <= now:
        yield f"was changed at {order.updated_at}, and it is {now}"
    if not order.customer.name or not order.customer.phone.startswith("+49"):
        yield "is nobody's"


def _line_violations(order: Order, menu: Mapping[str, MenuItem]) -> Iterator[str]:
    if not order.lines or len({line.item_id for line in order.lines}) != len(order.lines):
        yield "has no lines, or one twice"
    for line in order.lines:
        item = menu[line.item_id]
        options = {option.id: option for group in item.option_groups for option in group.options}
        chosen = [option.id for option in line.options]
        if line.unit_price != item.price + sum(options[one].price for one in chosen):
            yield f"{line.name} has another price on the menu"
        if line.total != line.quantity * line.unit_price or line.quantity < 1:
            yield f"{line.name} is {line.total} for {line.quantity}"
        for group in item.option_groups:
            taken = sum(option.id in chosen for option in group.options)
            if not group.min <= taken <= group.max:
                yield f"{line.name}: {taken} of {group.name}"
        if (line.counted, line.station) != (item.stock_limit is not None, item.station):
            yield f"{line.name} is made elsewhere, or counted otherwise"


def _total_violations(order: Order) -> Iterator[str]:
    if order.with_totals() != order:
        yield "comes to something else"
    added = 0 if order.terms.tax_included else order.tax
    parts = order.subtotal - order.discount + order.service_charge + added + order.tip
    if order.total != parts or order.subtotal != sum(line.total for line in order.lines):
        yield f"{order.total} is not what its parts come to, {parts}"
    if (order.coupon is None) != (order.discount == 0):
        yield f"{order.discount} off with the coupon {order.coupon}"


def _payment_violations(order: Order) -> Iterator[str]:
    taken = [one for one in order.payments if one.refund_of is None]
    if order.status is Status.COMPLETED and sum(one.amount for one in taken) != order.total:
        yield "was handed over and not paid"
    if sum(one.amount for one in taken) > order.total:
        yield "was paid twice"
    for one in taken:
        if one.amount <= 0 or left_of(one.id, order.payments) < 0:
            yield f"{one.amount} was paid, and more given back"
        if one.given is not None and one.given != one.amount + one.change:
            yield f"{one.change} of {one.given} for {one.amount}"
        if (one.method is Method.CASH) != (one.given is not None):
            yield f"{one.given} was handed over as {one.method}"
    if len({one.id for one in order.payments}) != len(order.payments):
        yield "two payments are one"
    is_void = order.status is Status.CANCELLED and taken
    if is_void and order.payment_status is not PaymentStatus.REFUNDED:
        yield "was cancelled, and the money kept"


def _step_violations(order: Order, now: datetime) -> Iterator[str]:
    history = order.history
    if (history[0].at, history[0].status) != (order.created_at, Status.PENDING):
        yield "did not begin pending"
    if history[-1].status is not order.status or history[-1].at > now:
        yield "is not where its history ends"
    for before, after in pairwise(history):
        if after.status not in STEPS[before.status] or after.at < before.at:
            yield f"went from {before.status} to {after.status}"
    if order.status is not Status.CANCELLED:
        return
    if history[-1].reason is None:
        yield "was cancelled without a reason"


def _ticket_violations(order: Order) -> Iterator[str]:
    was_confirmed = Status.CONFIRMED in {event.status for event in order.history}
    told: Counter[str] = Counter()
    for ticket in order.tickets:
        told[ticket.line_id] += ticket.quantity
        times = [ticket.fired_at, ticket.accepted_at, ticket.done_at]
        known = [time for time in times if time is not None]
        if known != sorted(known):
            yield f"{ticket.name} was done before it was begun"
        if (ticket.done_at is not None) != (ticket.status is TicketStatus.DONE):
            yield f"{ticket.name} is {ticket.status}, done at {ticket.done_at}"
    wanted = {line.id: line.quantity for line in order.lines} if was_confirmed else {}
    if told != wanted:
        yield "the kitchen knows of something else"
    is_open = any(ticket.is_open for ticket in order.tickets)
    if is_open and order.status not in (Status.CONFIRMED, Status.PREPARING):
        yield f"is {order.status} with open tickets"
    if order.status in COOKED_STATUSES and any(
        t.status is not TicketStatus.DONE for t in order.tickets
    ):
        yield f"is {order.status} and not cooked"


def _delivery_violations(order: Order) -> Iterator[str]:
    kind, to = order.fulfilment.type, order.fulfilment
    if (kind is FulfilmentType.DINE_IN) != (to.table is not None):
        yield f"{kind} at the table {to.table}"
    if (kind is FulfilmentType.DELIVERY) != (to.address is not None):
        yield f"{kind} to {to.address}"
    went_out = Status.OUT_FOR_DELIVERY in {event.status for event in order.history}
    if went_out and kind is not FulfilmentType.DELIVERY:
        yield f"{kind} that went out"
