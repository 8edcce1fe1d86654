"""Payments and refunds of an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Method(StrEnum):
    """The method of payment."""

    CASH = "cash"
    CARD = "card"
    VOUCHER = "voucher"


class PaymentStatus(StrEnum):
    """How much of the total is paid, in the order of progress."""

    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment, including its tip; a refund has a negative amount.

    The id is derived from the request's idempotency key, so that a request is one payment in
    whichever store it was tried; `op_id` distinguishes it from another request under the same key.
    """

    id: str
    op_id: str
    method: Method
    amount: int
    tip: int = 0
    given: int | None = None
    change: int = 0
    reference: str | None = None
    line_ids: tuple[str, ...] = ()
    till_id: str | None = None
    refund_of: str | None = None
    reason: str | None = None
    actor: str
    at: datetime


def net(payments: Sequence[Payment]) -> int:
    """The amount of all payments minus refunds."""
    return sum(payment.amount for payment in payments)


def left_of(payment_id: str, payments: Sequence[Payment]) -> int:
    """The amount of one payment that can still be refunded."""
    return sum(p.amount for p in payments if payment_id in (p.id, p.refund_of))


def status_of(payments: Sequence[Payment], total: int) -> PaymentStatus:
    """The payment status, derived from the payments alone."""
    kept, refunded = net(payments), any(payment.refund_of for payment in payments)
    if refunded:
        return PaymentStatus.PARTLY_REFUNDED if kept > 0 else PaymentStatus.REFUNDED
    if payments and kept >= total:
        return PaymentStatus.PAID
    return PaymentStatus.PARTLY_PAID if kept > 0 else PaymentStatus.UNPAID


def merge_payments(first: Sequence[Payment], second: Sequence[Payment]) -> tuple[Payment, ...]:
    """Every payment of both once, in the order of time."""
    by_id: dict[str, Payment] = {}
    for payment in sorted((*first, *second), key=_sort_key):
        by_id.setdefault(payment.id, payment)
    return tuple(by_id.values())


def _sort_key(payment: Payment) -> tuple[datetime, str, str, int]:
    return payment.at, payment.id, payment.op_id, payment.amount
