"""The order, and its rules for status, changes, payments and kitchen tickets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from dinerapp.ordering.domain import payments as money
from dinerapp.ordering.domain.billing import BillingTerms, TaxableLine, Totals, allocate, totals
from dinerapp.ordering.domain.payments import Payment, PaymentStatus
from dinerapp.ordering.domain.seating import BillPart, Seating
from dinerapp.ordering.domain.tickets import Ticket, ticket_id
from dinerapp.replication.errors import InvalidRecord, InvalidRequest, KeyReused, RuleViolation
from dinerapp.replication.record import Record


class Status(StrEnum):
    """Fulfilment, in the order an order goes through it."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


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
CHANGEABLE_STATUSES = frozenset({Status.PENDING, Status.CONFIRMED, Status.PREPARING})
"""The statuses in which lines can be added and changed."""

_AMOUNT_FIELDS = ("subtotal", "discount", "service_charge", "tax", "tip", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContact:
    """The person who ordered. `phone` is as typed, `phone_key` is in the form that is compared."""

    name: str
    phone: str
    email: str | None = None
    phone_key: str = ""

    def __post_init__(self) -> None:
        if not self.phone_key:
            object.__setattr__(self, "phone_key", self.phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfilment:
    """Where and when the order is wanted. `slot` is the start of the slot that it counts in."""

    type: FulfilmentType
    table: str | None = None
    address: str | None = None
    scheduled_for: datetime | None = None
    slot: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenOption:
    """An option at its price when the order was placed."""

    id: str
    name: str
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an order. `counted` lines take from the item's stock.

    Every change of a line is a new revision; a removed line stays, with quantity 0.
    """

    id: str
    item_id: str
    name: str
    quantity: int
    unit_price: int
    options: tuple[ChosenOption, ...] = ()
    notes: str | None = None
    total: int
    counted: bool = False
    tax_rate: int = 0
    station: str = "kitchen"
    revision: int = 1

    def with_quantity(self, quantity: int) -> Line:
        """The next revision of the line, with this quantity."""
        return replace(
            self,
            quantity=quantity,
            total=self.unit_price * quantity,
            revision=self.revision + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStep:
    """One step in an order's history."""

    at: datetime
    status: Status
    actor: str
    reason: str | None = None

    @property
    def identity(self) -> tuple[str, str, str | None]:
        """The identity of a step: a request that was tried in two stores has two times but is one
        step."""
        return self.status, self.actor, self.reason


def bill_of(lines: Iterable[Line], terms: BillingTerms) -> Totals:
    """The totals of these lines on these terms."""
    taxable = [TaxableLine(total=line.total, tax_rate=line.tax_rate) for line in lines]
    return totals(taxable, terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Record):
    """An order with its lines, payments and kitchen tickets: three axes that move on their own.

    All amounts are minor units of `currency`. The totals follow from the lines, the billing terms
    and the tips; `with_totals` computes them again. `user_id` is the account that placed it, if
    any. `erased_at` is when the guest's personal data was erased.
    """

    code: str
    status: Status = Status.PENDING
    payment_status: PaymentStatus = PaymentStatus.UNPAID
    customer: OrderContact
    fulfilment: Fulfilment
    lines: tuple[Line, ...]
    payments: tuple[Payment, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    terms: BillingTerms = field(default_factory=BillingTerms)
    notes: str | None = None
    coupon: str | None = None
    subtotal: int
    discount: int = 0
    service_charge: int = 0
    tax: int = 0
    tip: int = 0
    total: int
    currency: str
    history: tuple[HistoryStep, ...] = ()
    user_id: str | None = None
    erased_at: datetime | None = None
    seating: Seating = field(default_factory=Seating)

    @property
    def active_lines(self) -> tuple[Line, ...]:
        """The lines that have not been removed."""
        return tuple(line for line in self.lines if line.quantity)

    @property
    def outstanding(self) -> int:
        """The amount that is still to be paid, including the orders on its bill."""
        return self.total + self.seating.outstanding - money.net(self.payments)

    def validate(self) -> None:
        for name in _AMOUNT_FIELDS:
            if getattr(self, name) < 0:
                raise InvalidRecord(name, "must not be negative")
        for number, line in enumerate(self.lines):
            if line.quantity < 0:
                raise InvalidRecord(f"lines.{number}.quantity", "must not be negative")
            if line.total < 0:
                raise InvalidRecord(f"lines.{number}.total", "must not be negative")

    def with_totals(self, bill: Totals | None = None) -> Self:
        """The order with totals computed from lines, terms and tips, and the resulting payment
        status. `bill` is that of its lines and terms, where it has been computed already."""
        bill = bill or bill_of(self.lines, self.terms)
        total = bill.total + self.tip
        return replace(
            self,
            subtotal=bill.subtotal,
            discount=bill.discount,
            service_charge=bill.service_charge,
            tax=bill.tax,
            total=total,
            payment_status=money.status_of(self.payments, total + self.seating.outstanding),
        )

    def with_status(
        self, status: Status, *, actor: str, reason: str | None, op_id: str, now: datetime
    ) -> Order:
        """The order after a step to this status; RuleViolation if that step is not possible."""
        if status not in STEPS[self.status]:
            allowed = ", ".join(sorted(STEPS[self.status])) or "nothing, it is closed"
            raise RuleViolation(
                f"an order that is {self.status} cannot become {status}; it can become: {allowed}",
                field="status",
            )
        if status is Status.CANCELLED:
            self._require_own_bill("cancelled")
            if self.seating.on_bill:
                raise RuleViolation("other orders are on its bill; take them off first")
        event = HistoryStep(at=now, status=status, actor=actor, reason=reason)
        step = self.with_changes(
            op_id=op_id, now=now, status=status, history=(*self.history, event)
        )
        if status is Status.CONFIRMED:
            return replace(step, tickets=make_tickets(step.id, step.active_lines, (), now))
        if status is Status.CANCELLED:
            return replace(step, tickets=tuple(ticket.as_voided() for ticket in step.tickets))
        return step

    def with_lines(self, lines: Sequence[Line], *, op_id: str, now: datetime) -> Order:
        """Replaces lines with the same id and adds new ones; the kitchen gets tickets for the
        difference."""
        if self.status not in CHANGEABLE_STATUSES:
            raise RuleViolation(f"an order that is {self.status} can no longer be changed")
        self._require_own_bill("changed")
        by_id = {line.id: line for line in self.lines} | {line.id: line for line in lines}
        if not any(line.quantity for line in by_id.values()):
            raise RuleViolation("the last line cannot be removed; cancel the order instead")
        changed = self.with_changes(op_id=op_id, now=now, lines=tuple(by_id.values())).with_totals()
        if changed.outstanding < 0:
            raise RuleViolation(
                "the order would cost less than was already paid; refund the difference first"
            )
        if self.status is Status.PENDING:
            return changed
        more = make_tickets(
            self.id, [line for line in lines if line not in self.lines], self.lines, now
        )
        return replace(changed, tickets=(*self.tickets, *more))

    def with_payment(self, payment: Payment, now: datetime) -> Order:
        """The order with one more payment, which is added only once."""
        if self.has_payment(payment.id, payment.op_id):
            return self
        if self.status is Status.CANCELLED:
            raise RuleViolation("an order that is cancelled cannot be paid")
        self._require_own_bill("paid")
        if payment.amount > self.outstanding + payment.tip:
            raise RuleViolation(
                f"only {self.outstanding} is left to pay, not {payment.amount - payment.tip}",
                field="amount",
            )
        return self._add_payment(payment, now)

    def with_refund(self, refund: Payment, now: datetime) -> Order:
        """The order with a refund of one payment, which is added only once."""
        if self.has_payment(refund.id, refund.op_id):
            return self
        if refund.refund_of not in {payment.id for payment in self.payments}:
            raise InvalidRequest("there is no such payment", field="payment_id")
        left = money.left_of(refund.refund_of or "", self.payments)
        if -refund.amount > left:
            raise RuleViolation(
                f"only {left} of this payment can still be refunded", field="amount"
            )
        return self._add_payment(refund, now)

    def has_payment(self, payment_id: str, op_id: str) -> bool:
        """Whether this very payment was taken; KeyReused if its id belongs to another request."""
        known = next((one for one in self.payments if one.id == payment_id), None)
        if known is not None and known.op_id != op_id:
            raise KeyReused(self)
        return known is not None

    def cost_of(self, line_ids: Collection[str]) -> int:
        """The share of the total for these lines; the shares of all lines add up to the total."""
        for line_id in line_ids:
            self._require_unpaid(line_id)
        tips = sum(payment.tip for payment in self.payments)
        parts = allocate(self.total - tips, [line.total for line in self.active_lines])
        cost = sum(
            part for line, part in zip(self.active_lines, parts, strict=True) if line.id in line_ids
        )
        return min(cost, self.outstanding)

    def _require_unpaid(self, line_id: str) -> None:
        line = next((line for line in self.active_lines if line.id == line_id), None)
        if line is None:
            raise InvalidRequest("the order has no such line", field="line_ids")
        if any(line_id in payment.line_ids for payment in self.payments):
            raise RuleViolation(f"{line.name} is already paid", field="line_ids")

    def with_ticket_step(
        self,
        ticket_ids: Iterable[str],
        step: Callable[[Ticket, datetime], Ticket],
        *,
        op_id: str,
        now: datetime,
    ) -> Order:
        """The order after a step of the kitchen on these tickets; unchanged if nothing is new."""
        wanted = set(ticket_ids)
        tickets = tuple(
            step(ticket, now) if ticket.id in wanted else ticket for ticket in self.tickets
        )
        if tickets == self.tickets:
            return self
        return self.with_changes(op_id=op_id, now=now, tickets=tickets)

    def at_table(self, table: str, *, op_id: str, now: datetime) -> Order:
        """At another table; at the one where it is already is no change."""
        self._require_seated()
        if self.fulfilment.table == table:
            return self
        return self.with_changes(
            op_id=op_id,
            now=now,
            fulfilment=replace(self.fulfilment, table=table),
            seating=replace(self.seating, moves=(*self.seating.moves, op_id)),
        )

    def onto_bill(self, order: Order, *, op_id: str, now: datetime) -> Order:
        """On the bill of another order of the table; RuleViolation if there cannot be one bill."""
        if self.seating.merged_into == order.id:
            return self
        self._require_own_bill("merged")
        self._require_seated()
        if self.fulfilment.table != order.fulfilment.table:
            raise RuleViolation("the orders are at two tables; move one of them first")
        order.require_takes_orders()
        return self.with_changes(op_id=op_id, now=now, seating=self.seating.onto(order.id, op_id))

    def off_bill(self, *, op_id: str, now: datetime) -> Order:
        """On a bill of its own again."""
        if self.seating.merged_into is None:
            return self
        return self.with_changes(op_id=op_id, now=now, seating=self.seating.onto(None, op_id))

    def require_takes_orders(self) -> None:
        """RuleViolation where no other order can be put on the bill of this one."""
        self._require_seated()
        self._require_own_bill("merged with another one")

    def with_part(self, order: Order, *, op_id: str, now: datetime) -> Order:
        """With what another order adds to this one's bill now, or no longer adds."""
        is_off = order.seating.merged_into != self.id or order.deleted
        nothing = is_off or order.status is Status.CANCELLED
        part = BillPart(
            order_id=order.id,
            code=order.code,
            revision=order.version.revision,
            outstanding=0 if nothing else order.outstanding,
            is_off=is_off,
        )
        known = next((it for it in self.seating.parts if it.order_id == order.id), None)
        if known is None and is_off:
            return self
        if known is not None and replace(known, revision=part.revision) == part:
            return self
        seating = self.seating.with_part(part)
        if seating == self.seating:
            return self
        return self.with_changes(op_id=op_id, now=now, seating=seating).with_totals()

    def _require_seated(self) -> None:
        if self.fulfilment.type is not FulfilmentType.DINE_IN:
            raise RuleViolation("only dine-in orders are at a table", field="table")
        if not STEPS[self.status]:
            raise RuleViolation(f"an order that is {self.status} is no longer at its table")

    def _require_own_bill(self, verb: str) -> None:
        if self.seating.merged_into is not None:
            raise RuleViolation(
                f"an order on the bill of another one cannot be {verb}; "
                f"see order {self.seating.merged_into}"
            )

    def _add_payment(self, payment: Payment, now: datetime) -> Order:
        payments = (*self.payments, payment)
        return self.with_changes(
            op_id=payment.op_id, now=now, payments=payments, tip=self.tip + payment.tip
        ).with_totals()


def make_tickets(
    order_id: str, lines: Iterable[Line], before: Iterable[Line], now: datetime
) -> tuple[Ticket, ...]:
    """Tickets for these lines; for lines that were there before, the difference in quantity."""
    known = {line.id: line.quantity for line in before}
    return tuple(
        Ticket(
            id=ticket_id(order_id, line.id, line.revision),
            line_id=line.id,
            revision=line.revision,
            station=line.station,
            name=line.name,
            quantity=line.quantity - known.get(line.id, 0),
            options=tuple(option.name for option in line.options),
            notes=line.notes,
            fired_at=now,
        )
        for line in lines
    )
