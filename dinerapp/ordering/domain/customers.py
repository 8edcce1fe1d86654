"""Somebody who has ordered, recognised by their telephone number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dinerapp.accounts.domain.users import normalise_email
from dinerapp.ordering.domain import phones
from dinerapp.replication.identity import hmac_id
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.ordering.domain.orders import Order
    from dinerapp.replication.merge import MergePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """What the restaurant knows of a guest. `notes` are for staff.

    Once erased, `phone` is empty and `erased_at` stays for good. An order from before then says
    nothing about whoever orders later under the same number.
    """

    phone: str
    name: str
    email: str | None = None
    notes: str = ""
    first_seen: datetime
    last_seen: datetime
    erased_at: datetime | None = None

    @property
    def is_erased(self) -> bool:
        return not self.phone

    def ordered_before_erasure(self, order: Order) -> bool:
        """Whether the order was placed before the customer was erased."""
        return self.erased_at is not None and order.created_at <= self.erased_at

    def with_order(self, order: Order, phone: str, *, op_id: str, now: datetime) -> Customer:
        """The customer after an order of theirs; one that says nothing new is no change."""
        if self.ordered_before_erasure(order):
            return self
        told = _content_of(self, order, phone)
        if replace(self, **told) == self:
            return self
        return self.with_changes(op_id=op_id, now=now, **told)


@dataclass(frozen=True, slots=True)
class PhoneIdentity:
    """Who somebody is by the number they gave, in whatever way they typed it."""

    secret: str
    region: str

    def phone(self, typed: str) -> str:
        """The number as it is compared."""
        return phones.normalise_phone(typed, self.region)

    def id_of(self, phone: str) -> str:
        """The same in every process and for every store, and no way back to the number."""
        return hmac_id(self.secret, "customer", phone)


def customer_from_order(record_id: str, order: Order, phone: str, *, op_id: str) -> Customer:
    """Somebody new; the same record wherever it is made of this order."""
    at = order.created_at
    return Customer(
        id=record_id,
        op_id=op_id,
        created_at=at,
        updated_at=at,
        phone=phone,
        name=order.customer.name,
        email=email_of(order),
        first_seen=at,
        last_seen=at,
    )


def email_of(order: Order) -> str | None:
    """The address as addresses are compared."""
    return normalise_email(order.customer.email) if order.customer.email else None


def blank(customer: Customer, at: datetime) -> Customer:
    """The state without the person: the number's id is left, and when they were forgotten."""
    if customer.is_erased:
        return customer
    nothing: dict[str, Any] = {"phone": "", "name": "", "email": None, "notes": ""}
    return replace(customer, **nothing, first_seen=at, last_seen=at, erased_at=at)


def merge_customers(
    first: Customer, second: Customer, policy: MergePolicy
) -> MergeResult[Customer]:
    """The latest order tells who they are; who was erased on one side is so on both."""
    first, second = _with_equal_erasure(first, second)
    decided = policy.decide(first, second)
    winner = decided.record
    loser = second if winner is first else first
    if winner.is_erased or loser.is_erased:
        return MergeResult(winner if loser.is_erased else loser)
    latest = loser if loser.last_seen > winner.last_seen else winner
    merged = replace(
        winner,
        name=latest.name,
        email=latest.email or winner.email or loser.email,
        first_seen=min(winner.first_seen, loser.first_seen),
        last_seen=latest.last_seen,
    )
    if loser.notes != merged.notes:
        return MergeResult(merged, loser, decided.reason)
    return MergeResult(merged)


def _with_equal_erasure(one: Customer, other: Customer) -> tuple[Customer, Customer]:
    """Both states with the latest erasure of either applied: neither knows anything from before."""
    moments = [side.erased_at for side in (one, other) if side.erased_at is not None]
    if not moments:
        return one, other
    at = max(moments)
    first, second = (
        side if side.erased_at == at else replace(blank(side, at), erased_at=at)
        for side in (one, other)
    )
    return first, second


def _content_of(customer: Customer, order: Order, phone: str) -> dict[str, Any]:
    """What an order says of them beyond what was known."""
    at = order.created_at
    latest = {"name": order.customer.name, "last_seen": at}
    if customer.is_erased:
        return {**latest, "phone": phone, "email": email_of(order), "first_seen": at}
    told: dict[str, Any] = {"first_seen": min(customer.first_seen, at)}
    if at > customer.last_seen:
        told |= {**latest, "email": email_of(order) or customer.email}
    return told


CUSTOMERS = Kind("customers", Customer, merge=merge_customers)
