"""Customers: created and updated by the orders they place, and erased on request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from dinerapp.accounts.domain.users import normalise_email
from dinerapp.ordering.domain.customers import (
    CUSTOMERS,
    Customer,
    PhoneIdentity,
    blank,
    customer_from_order,
)
from dinerapp.ordering.domain.erasure import anonymise, erase_guest
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.customers import CustomerFilter, Customers
from dinerapp.ordering.ports.erasure import GuestEraser
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.ordering.signals import customer_erased
from dinerapp.replication import conflicts, deadline
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import Operation, derived_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.paging import pages
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.saving import (
    PreconditionFailed,
    WriteResult,
    confirm_unchanged,
    update_with_retry,
    upsert_with_retry,
)
from dinerapp.replication.signals import announce

R = TypeVar("R", bound=Record)


class CustomerService:
    """Use cases around customers."""

    def __init__(
        self,
        customers: Customers,
        orders: Orders,
        conflicts: Conflicts,
        phone_identity: PhoneIdentity,
        erasers: Sequence[GuestEraser],
    ) -> None:
        self._customers = customers
        self._orders = orders
        self._conflicts = conflicts
        self._phone_identity = phone_identity
        self._erasers = erasers

    def id_of(self, order: Order) -> str | None:
        """Who placed the order; nobody where it gives no number."""
        phone = self._phone_identity.phone(order.customer.phone_key)
        return self._phone_identity.id_of(phone) if phone else None

    def remember(self, order: Order) -> None:
        """Makes or updates whoever placed the order. May be repeated, at any time and anywhere.

        An order that is older than its guest's erasure has come to light late, from a store that
        was cut off; it is erased as the others were.
        """
        phone = self._phone_identity.phone(order.customer.phone_key)
        if not phone:
            return
        known = self._record_order(order, phone)
        if known.erased_at is not None and known.ordered_before_erasure(order):
            self._erase_orders([order], phone, known.erased_at)

    def get(self, customer_id: str) -> Customer:
        """One customer; who was erased is none."""
        return _require_existing(self._customers.get(customer_id))

    def page(self, wanted: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        """Customers, newest first; number and address may be typed in any way."""
        if wanted.phone is not None:
            wanted = replace(wanted, phone=self._phone_identity.phone(wanted.phone))
        if wanted.email is not None:
            wanted = replace(wanted, email=normalise_email(wanted.email))
        return self._customers.page(wanted, after, limit)

    def orders(self, customer_id: str, after: Cursor | None, limit: int) -> Page[Order]:
        """What somebody has ordered, newest first."""
        phone = self.get(customer_id).phone
        return self._orders.page(OrderFilter(phone=phone), after, limit)

    def change(
        self,
        customer_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None = None,
    ) -> WriteResult[Customer]:
        """Sets what staff know better; the next order may know better still."""
        if fields.get("email"):
            fields = {**fields, "email": normalise_email(fields["email"])}

        def change(customer: Customer) -> Customer:
            return _require_existing(customer).with_changes(
                op_id=operation.op_id, now=utc_now(), **fields
            )

        return update_with_retry(self._customers, customer_id, operation.op_id, change, if_match)

    def erase(
        self, customer_id: str, operation: Operation, if_match: str | None = None
    ) -> WriteResult[Customer]:
        """Erases a customer. Their own record comes last, so that an erasure that was interrupted
        finds it again and resumes. The time it takes grows with the number of orders."""
        customer = self._customers.get(customer_id)
        is_replay = customer.has_applied(operation.op_id)
        if is_replay or customer.is_erased:
            return replace(confirm_unchanged(self._customers, customer), replayed=is_replay)
        if if_match is not None and if_match != str(customer.version):
            raise PreconditionFailed(customer)
        with deadline.unbounded():
            return self._erase(customer, utc_now(), operation.op_id)

    def _erase(self, customer: Customer, at: datetime, op_id: str) -> WriteResult[Customer]:
        """The same number has other customers only where the secret key was another one once."""
        phone = customer.phone
        for orders in pages(partial(self._orders.page, OrderFilter(phone=phone))):
            self._erase_orders(orders, phone, at)
        for namesakes in pages(partial(self._customers.page, CustomerFilter(phone=phone))):
            for other in namesakes:
                if other.id != customer.id:
                    self._forget(other.id, at, new_op_id())
        return self._forget(customer.id, at, op_id)

    def _record_order(self, order: Order, phone: str) -> Customer:
        customer_id = self._phone_identity.id_of(phone)
        op_id = derived_id("remember", order.id)

        def change(customer: Customer) -> Customer:
            return customer.with_order(order, phone, op_id=op_id, now=utc_now())

        create = partial(customer_from_order, customer_id, order, phone, op_id=op_id)
        return upsert_with_retry(self._customers, customer_id, op_id, change, create).record

    def _erase_orders(self, orders: Sequence[Order], phone: str, at: datetime) -> None:
        """What was said and conflicts come first: what is erased is not found by its number again.
        And conflicts once more, for one that was filed meanwhile."""
        for eraser in self._erasers:
            eraser.erase(orders, phone, at)
        redact, order_ids = partial(anonymise, at=at), [order.id for order in orders]
        self._redact(ORDERS, order_ids, redact)
        for order_id in order_ids:
            op_id = new_op_id()
            erase = partial(erase_guest, at=at, op_id=op_id, now=utc_now())
            update_with_retry(self._orders, order_id, op_id, erase)
        self._redact(ORDERS, order_ids, redact)

    def _forget(self, customer_id: str, at: datetime, op_id: str) -> WriteResult[Customer]:
        def forget(customer: Customer) -> Customer:
            return customer.as_erased(at, op_id=op_id, now=utc_now())

        redact = partial(blank, at=at)
        self._redact(CUSTOMERS, [customer_id], redact)
        done = update_with_retry(self._customers, customer_id, op_id, forget)
        self._redact(CUSTOMERS, [customer_id], redact)
        if done.changed:
            announce(customer_erased, self, customer=done.record)
        return done

    def _redact(self, kind: Kind[R], record_ids: Collection[str], redact: Callable[[R], R]) -> None:
        """Takes a person out of all states that conflicts about the records hold."""
        for found in pages(partial(self._conflicts.about, kind.name, record_ids)):
            for conflict in found:
                op_id = new_op_id()
                change = partial(
                    conflicts.redact_states,
                    record_type=kind.record_type,
                    redact=redact,
                    op_id=op_id,
                    now=utc_now(),
                )
                update_with_retry(self._conflicts, conflict.id, op_id, change)


def _require_existing(customer: Customer) -> Customer:
    if customer.is_erased:
        raise NotFound(CUSTOMERS.name, customer.id)
    return customer
