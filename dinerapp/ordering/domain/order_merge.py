"""The reservations of orders, and the merge of two states of one order.

Nothing is undone: status, payments, tickets and lines of both states are kept, and a guest who is
erased in one state stays erased. Fields for which only one value can be kept follow the policy, and
the merge reports a loser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dinerapp.ordering.domain import payments as money
from dinerapp.ordering.domain import tickets as kitchen
from dinerapp.ordering.domain.coupons import coupon_key
from dinerapp.ordering.domain.erasure import with_equal_erasure
from dinerapp.ordering.domain.menu import stock_key
from dinerapp.ordering.domain.orders import HistoryStep, Line, Order, Status, make_tickets
from dinerapp.ordering.domain.seating import merge_seating
from dinerapp.ordering.domain.slots import slot_key
from dinerapp.ordering.domain.tickets import Ticket
from dinerapp.replication.kind import Kind, MergeResult

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

_ENVELOPE_FIELDS = ("version", "updated_at", "created_at", "op_id", "source", "trail")
_TOTAL_FIELDS = ("subtotal", "discount", "service_charge", "tax", "tip", "total", "payment_status")
_UNITED_FIELDS = ("history", "status", "payments", "tickets", "lines", "seating")

_STATUS_RANK = {status: rank for rank, status in enumerate(Status)}

CLOSED_TWICE = "cancelled in one database and completed in the other"
PAID_TWICE = "paid in both databases, more than the order costs"
MERGED_TWICE = "put on the bills of two orders"
CANCELLED_AND_MERGED = "cancelled in one database and put on another order's bill in the other"


def merge_orders(first: Order, second: Order, policy: MergePolicy) -> MergeResult[Order]:
    """Merges both histories into one order; the result has a `loser` if it lost any value."""
    first, second = with_equal_erasure(first, second)
    decided = policy.decide(first, second)
    winner, reason = decided.record, decided.reason
    if {first.status, second.status} == {Status.COMPLETED, Status.CANCELLED}:
        winner, reason = max(first, second, key=_progress), CLOSED_TWICE
    loser = second if winner is first else first
    merged = _unite(winner, loser)
    if merged.outstanding < 0:
        return MergeResult(merged, loser, PAID_TWICE)
    if _is_merged_twice(first, second):
        return MergeResult(merged, loser, MERGED_TWICE)
    if (
        merged.status is Status.CANCELLED
        and _is_shared(merged)
        and not _is_shared_alike(first, second)
    ):
        return MergeResult(merged, loser, CANCELLED_AND_MERGED)
    if reason == CLOSED_TWICE or _is_overruled(loser, winner, merged):
        return MergeResult(merged, loser, reason)
    return MergeResult(merged)


def _unite(winner: Order, loser: Order) -> Order:
    payments = money.merge_payments(winner.payments, loser.payments)
    tips = sum(payment.tip for payment in payments)
    own_tips = sum(payment.tip for payment in winner.payments)
    ahead = max(winner, loser, key=_progress)
    merged = replace(
        winner,
        history=_merge_history(winner.history, loser.history),
        status=ahead.status,
        payments=payments,
        tickets=kitchen.merge_tickets(winner.tickets, loser.tickets),
        lines=_merge_lines(winner.lines, loser.lines),
        seating=merge_seating(winner.seating, loser.seating),
        fulfilment=replace(
            winner.fulfilment,
            table=(loser if _is_only_moved(loser, winner) else winner).fulfilment.table,
        ),
        tip=winner.tip - own_tips + tips,
    )
    merged = _with_missing_tickets(merged.with_totals())
    if merged.status is Status.CANCELLED:
        merged = replace(merged, tickets=tuple(ticket.as_voided() for ticket in merged.tickets))
    return merged


def _with_missing_tickets(order: Order) -> Order:
    """Adds tickets for what the kitchen was not told, or was told by both states.

    A line that one state changed while the other one sent its tickets gets a ticket for its
    revision. If both sent tickets, these may add up to a quantity other than the line's; a
    correction makes up for the difference. Corrections are no revision of the line and count down
    from -1.
    """
    if not order.tickets:
        return order
    ticketed: Counter[str] = Counter()
    for ticket in order.tickets:
        ticketed[ticket.line_id] += ticket.quantity
    more: list[Ticket] = []
    for line in order.lines:
        if ticketed[line.id] == line.quantity:
            continue
        own = [ticket for ticket in order.tickets if ticket.line_id == line.id]
        if any(ticket.revision == line.revision for ticket in own):
            revision = min(0, *(ticket.revision for ticket in own)) - 1
            moment = max(ticket.fired_at for ticket in own)
        else:
            revision, moment = line.revision, min(ticket.fired_at for ticket in order.tickets)
        before = replace(line, quantity=ticketed[line.id])
        more += make_tickets(order.id, [replace(line, revision=revision)], [before], moment)
    return replace(order, tickets=kitchen.merge_tickets(order.tickets, more))


def _is_overruled(loser: Order, winner: Order, merged: Order) -> bool:
    """Whether the loser has a value that the merged order lacks."""
    names = (*_ENVELOPE_FIELDS, *_TOTAL_FIELDS, *_UNITED_FIELDS)
    like: dict[str, Any] = {name: getattr(merged, name) for name in names}
    if _is_only_moved(winner, loser):
        like["fulfilment"] = replace(loser.fulfilment, table=merged.fulfilment.table)
    kept = {(line.id, line.revision): line for line in merged.lines}
    contested = any(kept.get((line.id, line.revision), line) != line for line in loser.lines)
    return contested or _base_tip(merged) != _base_tip(loser) or replace(loser, **like) != merged


def _is_only_moved(one: Order, other: Order) -> bool:
    """Whether the one was moved since both were at one table, and the other one was not."""
    return {*one.seating.moves} > {*other.seating.moves}


def _is_merged_twice(first: Order, second: Order) -> bool:
    one, other = {*first.seating.merges}, {*second.seating.merges}
    differs = first.seating.merged_into != second.seating.merged_into
    return differs and not (one > other or other > one)


def _is_shared(order: Order) -> bool:
    return order.seating.merged_into is not None or bool(order.seating.on_bill)


def _is_shared_alike(first: Order, second: Order) -> bool:
    """Whether both sides say the same of the bill, or of being cancelled."""
    return first.seating == second.seating or first.status is second.status


def _base_tip(order: Order) -> int:
    return order.tip - sum(payment.tip for payment in order.payments)


def _merge_lines(preferred: Sequence[Line], other: Sequence[Line]) -> tuple[Line, ...]:
    """Every line in its latest revision; the preferred one if both have the same revision."""
    by_id: dict[str, Line] = {}
    for line in (*preferred, *other):
        known = by_id.get(line.id)
        if known is None or line.revision > known.revision:
            by_id[line.id] = line
    return tuple(by_id.values())


def _merge_history(
    one: Sequence[HistoryStep], other: Sequence[HistoryStep]
) -> tuple[HistoryStep, ...]:
    """Every step of both histories once."""
    first: dict[tuple[str, str, str | None], HistoryStep] = {}
    for event in sorted({*one, *other}, key=_step_key):
        first.setdefault(event.identity, event)
    return tuple(first.values())


def _step_key(event: HistoryStep) -> tuple[datetime, int, str, str]:
    return event.at, _STATUS_RANK[event.status], event.actor, event.reason or ""


def _progress(order: Order) -> int:
    return _STATUS_RANK[order.status]


def _reservations(order: Order) -> Mapping[str, int]:
    if order.deleted or order.status is Status.CANCELLED:
        return {}
    taken: Counter[str] = Counter()
    for line in order.active_lines:
        if line.counted:
            taken[stock_key(line.item_id)] += line.quantity
    if order.terms.discount is not None:
        taken[coupon_key(order.terms.discount.coupon_id)] += 1
    if order.fulfilment.slot is not None:
        taken[slot_key(order.fulfilment.slot)] += 1
    return taken


ORDERS = Kind("orders", Order, merge=merge_orders, reservations=_reservations, has_followers=True)
