"""Customers: created and updated by the orders they place, and erased on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from dinerapp.accounts.domain.permissions import Caller
from dinerapp.accounts.domain.users import User, normalise_email
from dinerapp.accounts.ports.users import Users
from dinerapp.ordering.domain.customers import (
    CUSTOMERS,
    Customer,
    PhoneIdentity,
    blank,
    customer_from_order,
)
from dinerapp.ordering.domain.erasure import anonymise
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.customers import CustomerFilter, Customers
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.ordering.signals import customer_erased
from dinerapp.replication import deadline
from dinerapp.replication.erasure import Person, PersonalData, Redactor
from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import Operation, derived_id, new_op_id
from dinerapp.replication.paging import all_of, batches
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import (
    PreconditionFailed,
    WriteResult,
    confirm_unchanged,
    update_with_retry,
    upsert_with_retry,
)
from dinerapp.replication.signals import announce


class CustomerService:
    """Use cases around customers."""

    def __init__(
        self,
        customers: Customers,
        orders: Orders,
        users: Users,
        conflicts: Conflicts,
        phone_identity: PhoneIdentity,
        personal_data: Sequence[PersonalData[Any]],
    ) -> None:
        self._customers = customers
        self._orders = orders
        self._users = users
        self._phone_identity = phone_identity
        self._redactor = Redactor(conflicts)
        self._personal_data = personal_data
        self._order_data = PersonalData(repository=orders, find=self._orders_of, redact=anonymise)
        self._own_data = PersonalData(
            repository=customers,
            find=self._namesakes_of,
            redact=blank,
            on_redacted=self._announce_erased,
        )

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
        by_number = Person(phone=customer.phone)
        self._forget_elsewhere(by_number, at)
        for orders in batches(self._orders_of(by_number)):
            self._erase_orders(orders, customer.phone, at)
        for other in self._namesakes_of(by_number):
            if other.id != customer.id:
                self._redactor.redact_one(self._own_data, other.id, at, new_op_id())
        return self._redactor.redact_one(self._own_data, customer.id, at, op_id)

    def _record_order(self, order: Order, phone: str) -> Customer:
        customer_id = self._phone_identity.id_of(phone)
        op_id = derived_id("remember", order.id)

        def change(customer: Customer) -> Customer:
            return customer.with_order(order, phone, op_id=op_id, now=utc_now())

        create = partial(customer_from_order, customer_id, order, phone, op_id=op_id)
        return upsert_with_retry(self._customers, customer_id, op_id, change, create).record

    def _erase_orders(self, orders: Sequence[Order], phone: str, at: datetime) -> None:
        """What other kinds keep comes first: orders lead to the guest's accounts, and what is
        erased is not found by its number again."""
        self._forget_elsewhere(Person(phone=phone, user_ids=self._accounts_of(orders, phone)), at)
        self._redactor.redact(self._order_data, orders, at)

    def _forget_elsewhere(self, person: Person, at: datetime) -> None:
        for data in self._personal_data:
            self._redactor.forget(person, data, at)

    def _accounts_of(self, orders: Sequence[Order], phone: str) -> frozenset[str]:
        """The guest's own: staff order for guests, and people with another number for friends."""
        ids = {order.user_id for order in orders if order.user_id is not None}
        users = self._users.get_many(ids).values() if ids else ()
        return frozenset(user.id for user in users if self._is_theirs(user, phone))

    def _is_theirs(self, user: User, phone: str) -> bool:
        number = self._phone_identity.phone(user.phone) if user.phone else phone
        return not Caller(role=user.role).is_staff and number == phone

    def _orders_of(self, person: Person) -> Iterator[Order]:
        return all_of(partial(self._orders.page, OrderFilter(phone=person.phone)))

    def _namesakes_of(self, person: Person) -> Iterator[Customer]:
        return all_of(partial(self._customers.page, CustomerFilter(phone=person.phone)))

    def _announce_erased(self, customer: Customer) -> None:
        announce(customer_erased, self, customer=customer)


def _require_existing(customer: Customer) -> Customer:
    if customer.is_erased:
        raise NotFound(CUSTOMERS.name, customer.id)
    return customer
