"""An order, how it may move, and what becomes of it when two databases took different steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dinerapp.domain.kind import Kind, Merge
from dinerapp.domain.menu import stock_key
from dinerapp.domain.record import Record
from dinerapp.errors import InvalidRecord, RuleBroken

if TYPE_CHECKING:
    from dinerapp.domain.merging import Policy


class Status(StrEnum):
    """Fulfilment, in the order an order goes through it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    """How much of the total is settled, in the order it goes through it."""

    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


class FulfilmentType(StrEnum):
    """How the food reaches the guest."""

    DINE_IN = "dine_in"
    PICKUP = "pickup"
    DELIVERY = "delivery"


STEPS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.CONFIRMED, Status.CANCELLED}),
    Status.CONFIRMED: frozenset({Status.PREPARING, Status.CANCELLED}),
    Status.PREPARING: frozenset({Status.READY, Status.CANCELLED}),
    Status.READY: frozenset({Status.OUT_FOR_DELIVERY, Status.COMPLETED, Status.CANCELLED}),
    Status.OUT_FOR_DELIVERY: frozenset({Status.COMPLETED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
}
_AMOUNTS = ("subtotal", "service_charge", "tax", "tip", "total")
_PROGRESS = {status: rank for rank, status in enumerate(Status)}
_SETTLED = {status: rank for rank, status in enumerate(PaymentStatus)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who ordered."""

    name: str
    phone: str
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """Where and when the order is wanted."""

    type: FulfilmentType
    table: str | None = None
    address: str | None = None
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenOption:
    """An option as it was priced when the order was placed."""

    id: str
    name: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One position of an order. `counted` lines take from the item's stock."""

    id: str
    item_id: str
    name: str
    quantity: int
    unit_price: int
    options: tuple[ChosenOption, ...] = ()
    notes: str | None = None
    total: int
    counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step in an order's history."""

    at: datetime
    status: Status
    actor: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Record):
    """An order with its lines. All amounts are minor units of `currency`.

    `user_id` is who placed it, where they had an account.
    """

    code: str
    status: Status = Status.PENDING
    payment_status: PaymentStatus = PaymentStatus.UNPAID
    customer: Customer
    fulfilment: Fulfilment
    lines: tuple[Line, ...]
    notes: str | None = None
    coupon: str | None = None
    subtotal: int
    discount: int = 0
    service_charge: int = 0
    tax: int = 0
    tip: int = 0
    total: int
    currency: str
    history: tuple[Event, ...] = ()
    user_id: str | None = None

    def check(self) -> None:
        for name in _AMOUNTS:
            if getattr(self, name) < 0:
                raise InvalidRecord(name, "must not be negative")
        for number, line in enumerate(self.lines):
            if line.quantity < 1:
                raise InvalidRecord(f"lines.{number}.quantity", "must be at least 1")
            if line.total < 0:
                raise InvalidRecord(f"lines.{number}.total", "must not be negative")

    def moved(
        self, status: Status, *, actor: str, reason: str | None, op_id: str, now: datetime
    ) -> Order:
        """The order one step further; RuleBroken when the step does not exist."""
        if status not in STEPS[self.status]:
            allowed = ", ".join(sorted(STEPS[self.status])) or "nothing, it is closed"
            raise RuleBroken(
                f"an order that is {self.status} cannot become {status}; it can become: {allowed}",
                field="status",
            )
        event = Event(at=now, status=status, actor=actor, reason=reason)
        return self.changed(op_id=op_id, now=now, status=status, history=(*self.history, event))


def merge_orders(one: Order, other: Order, policy: Policy) -> Merge[Order]:
    """Progress, payments and cancellations of both are kept; the rest follows the policy."""
    history = _united(one.history, other.history)
    ahead = max(one, other, key=lambda order: _PROGRESS[order.status])
    kept: dict[str, Any] = {
        "history": history,
        "status": ahead.status,
        "payment_status": max(one.payment_status, other.payment_status, key=_SETTLED.__getitem__),
    }
    lost, reason = _overtaken(one, other)
    if lost is not None or replace(one, **_shared(other)) == other:
        return Merge(replace(ahead, **kept), lost, reason)
    decided = policy.decide(one, other)
    return Merge(replace(decided.record, **kept), decided.lost, decided.reason)


def _shared(order: Order) -> dict[str, Any]:
    names = ("version", "updated_at", "created_at", "op_id", "source", "trail")
    merged = ("history", "status", "payment_status")
    return {name: getattr(order, name) for name in (*names, *merged)}


def _overtaken(one: Order, other: Order) -> tuple[Order | None, str]:
    if {one.status, other.status} == {Status.COMPLETED, Status.CANCELLED}:
        lost = one if one.status == Status.COMPLETED else other
        return lost, "cancelled on one side, completed on the other"
    return None, ""


def _united(one: tuple[Event, ...], other: tuple[Event, ...]) -> tuple[Event, ...]:
    """Every step once: a request that was tried on both sides took one step at two moments."""
    first: dict[tuple[Status, str, str | None], Event] = {}
    for event in sorted({*one, *other}, key=_event_key):
        first.setdefault((event.status, event.actor, event.reason), event)
    return tuple(first.values())


def _event_key(event: Event) -> tuple[datetime, int, str, str]:
    return event.at, _PROGRESS[event.status], event.actor, event.reason or ""


def _holds(order: Order) -> Mapping[str, int]:
    if order.deleted or order.status == Status.CANCELLED:
        return {}
    taken: Counter[str] = Counter()
    for line in order.lines:
        if line.counted:
            taken[stock_key(line.item_id)] += line.quantity
    return taken


ORDERS = Kind("orders", Order, merge=merge_orders, holds=_holds)
