"""Payments and refunds of orders, and the tills through which they go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.payments import Method, Payment
from dinerapp.ordering.domain.tills import Till
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.tills import Tills
from dinerapp.ordering.signals import order_paid, order_refunded
from dinerapp.replication.errors import InvalidRequest, NotFound, RuleViolation
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, save_idempotently, update_and_confirm
from dinerapp.replication.signals import announce

if TYPE_CHECKING:
    from blinker import NamedSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """A payment as a cashier enters it. Without an amount it is the cost of `line_ids`, or all that
    is outstanding."""

    method: Method
    amount: int | None = None
    tip: int = 0
    given: int | None = None
    reference: str | None = None
    line_ids: tuple[str, ...] = ()
    till_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """A refund of one payment, as a cashier enters it."""

    payment_id: str
    amount: int
    reason: str
    till_id: str | None = None


@dataclass(frozen=True, slots=True)
class TillStatus:
    """A till and the cash that it should contain now."""

    till: Till
    expected: int


class TillService:
    """Use cases for payments and tills."""

    def __init__(self, orders: Orders, tills: Tills) -> None:
        self._orders = orders
        self._tills = tills

    def pay(
        self, order_id: str, operation: Operation, new: NewPayment, actor: str
    ) -> WriteResult[Order]:
        """Takes a payment; repeating the request does not take another one."""

        def payment(order: Order) -> Payment:
            return payment_of(order, operation, new, actor, utc_now())

        return self._book(order_id, operation, payment, Order.with_payment, order_paid, new)

    def refund(
        self, order_id: str, operation: Operation, new: NewRefund, actor: str
    ) -> WriteResult[Order]:
        """Refunds some or all of one payment, by the method it was made with."""

        def refund(order: Order) -> Payment:
            return refund_of(order, operation, new, actor, utc_now())

        return self._book(order_id, operation, refund, Order.with_refund, order_refunded, new)

    def _book(
        self,
        order_id: str,
        operation: Operation,
        make_payment: Callable[[Order], Payment],
        add_payment: Callable[[Order, Payment, datetime], Order],
        signal: NamedSignal,
        new: NewPayment | NewRefund,
    ) -> WriteResult[Order]:
        def change(order: Order) -> Order:
            if order.has_payment(_payment_id(order_id, operation), operation.op_id):
                return order
            self._require_open(new.till_id)
            return add_payment(order, make_payment(order), utc_now())

        result = update_and_confirm(self._orders, order_id, operation.op_id, change)
        if not result.changed:
            return replace(result, replayed=True)
        payment = next(one for one in result.record.payments if one.op_id == operation.op_id)
        announce(signal, self, order=result.record, payment=payment)
        return result

    def open(self, operation: Operation, name: str, opening: int, actor: str) -> WriteResult[Till]:
        """Opens a till with this much cash."""
        now = utc_now()
        till = Till(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            name=name,
            opened_by=actor,
            opening=opening,
        )
        return save_idempotently(self._tills.save, till)

    def close(
        self, till_id: str, operation: Operation, counted: int, notes: str | None, actor: str
    ) -> WriteResult[Till]:
        """Closes a till, and records the expected cash next to the counted cash."""

        def change(till: Till) -> Till:
            return till.as_closed(
                by=actor,
                expected=self.expected(till),
                counted=counted,
                notes=notes,
                op_id=operation.op_id,
                now=utc_now(),
            )

        return update_and_confirm(self._tills, till_id, operation.op_id, change)

    def get(self, till_id: str) -> TillStatus:
        """A till and the cash that it should contain."""
        till = self._tills.get(till_id)
        return TillStatus(till, self.expected(till))

    def page(self, is_open: bool | None, after: Cursor | None, limit: int) -> Page[Till]:
        """Tills, newest first."""
        return self._tills.page(is_open, after, limit)

    def expected(self, till: Till) -> int:
        """The cash that the till should contain."""
        return till.opening + self._orders.taken(till.id).get(Method.CASH, 0)

    def _require_open(self, till_id: str | None) -> None:
        if till_id is None:
            return
        try:
            till = self._tills.get(till_id)
        except NotFound:
            raise InvalidRequest("there is no such till", field="till_id") from None
        if not till.is_open:
            raise RuleViolation("the till is closed", field="till_id")


def payment_of(
    order: Order, operation: Operation, new: NewPayment, actor: str, now: datetime
) -> Payment:
    """The payment on the order in its current state, from what the cashier entered."""
    amount = _amount(order, new) + new.tip
    change = 0
    if new.given is not None:
        change = new.given - amount
        if change < 0:
            raise InvalidRequest(f"must be at least {amount}, the amount to pay", field="given")
    return Payment(
        id=_payment_id(order.id, operation),
        op_id=operation.op_id,
        method=new.method,
        amount=amount,
        tip=new.tip,
        given=new.given,
        change=change,
        reference=new.reference,
        line_ids=new.line_ids,
        till_id=new.till_id,
        actor=actor,
        at=now,
    )


def _amount(order: Order, new: NewPayment) -> int:
    if new.amount is not None:
        return new.amount
    if new.line_ids:
        return order.cost_of(new.line_ids)
    if order.outstanding <= 0:
        raise RuleViolation("nothing is left to pay")
    return order.outstanding


def refund_of(
    order: Order, operation: Operation, new: NewRefund, actor: str, now: datetime
) -> Payment:
    """The refund, by the method of the payment."""
    paid = next((one for one in order.payments if one.id == new.payment_id), None)
    return Payment(
        id=_payment_id(order.id, operation),
        op_id=operation.op_id,
        method=paid.method if paid else Method.CASH,
        amount=-new.amount,
        till_id=new.till_id,
        refund_of=new.payment_id,
        reason=new.reason,
        actor=actor,
        at=now,
    )


def _payment_id(order_id: str, operation: Operation) -> str:
    return operation.child_id(f"payment {order_id}")
