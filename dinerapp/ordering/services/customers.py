"""Customers: created and updated from the orders that they place, and erased on request."""

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
    """Use cases for customers."""

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
            find=self._with_same_phone,
            redact=blank,
            on_redacted=self._announce_erased,
        )

    def id_of(self, order: Order) -> str | None:
        """The id of the customer who placed the order; None without a telephone number."""
        phone = self._phone_identity.phone(order.customer.phone_key)
        return self._phone_identity.id_of(phone) if phone else None

    def remember(self, order: Order) -> None:
        """Creates or updates the customer who placed the order. Idempotent.

        An order that is older than the erasure of its customer arrived late, from a store that was
        cut off. It is erased like the others.
        """
        phone = self._phone_identity.phone(order.customer.phone_key)
        if not phone:
            return
        customer = self._record_order(order, phone)
        if customer.erased_at is not None and customer.ordered_before_erasure(order):
            self._erase_orders([order], phone, customer.erased_at)

    def get(self, customer_id: str) -> Customer:
        """One customer. Raises NotFound for an erased one."""
        return _require_existing(self._customers.get(customer_id))

    def page(self, filters: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        """A page of customers, newest first. Telephone number and e-mail address are normalised."""
        if filters.phone is not None:
            filters = replace(filters, phone=self._phone_identity.phone(filters.phone))
        if filters.email is not None:
            filters = replace(filters, email=normalise_email(filters.email))
        return self._customers.page(filters, after, limit)

    def orders(self, customer_id: str, after: Cursor | None, limit: int) -> Page[Order]:
        """A page of the customer's orders, newest first."""
        phone = self.get(customer_id).phone
        return self._orders.page(OrderFilter(phone=phone), after, limit)

    def change(
        self,
        customer_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None = None,
    ) -> WriteResult[Customer]:
        """Sets fields of a customer. The next order of the customer may change them again."""
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
        """Erases a customer. The customer's own record comes last, so that repeating an interrupted
        call completes it. The duration grows with the number of orders."""
        customer = self._customers.get(customer_id)
        is_replay = customer.has_applied(operation.op_id)
        if is_replay or customer.is_erased:
            return replace(confirm_unchanged(self._customers, customer), replayed=is_replay)
        if if_match is not None and if_match != str(customer.version):
            raise PreconditionFailed(customer)
        with deadline.unbounded():
            return self._erase(customer, utc_now(), operation.op_id)

    def _erase(self, customer: Customer, at: datetime, op_id: str) -> WriteResult[Customer]:
        """Other customers have the same number only if the secret key has been changed."""
        by_number = Person(phone=customer.phone)
        self._forget_elsewhere(by_number, at)
        for orders in batches(self._orders_of(by_number)):
            self._erase_orders(orders, customer.phone, at)
        for other in self._with_same_phone(by_number):
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
        """Other kinds come first: the accounts of the guest are found through the orders, and
        erased orders are no longer found by number."""
        self._forget_elsewhere(Person(phone=phone, user_ids=self._accounts_of(orders, phone)), at)
        self._redactor.redact(self._order_data, orders, at)

    def _forget_elsewhere(self, person: Person, at: datetime) -> None:
        for data in self._personal_data:
            self._redactor.forget(person, data, at)

    def _accounts_of(self, orders: Sequence[Order], phone: str) -> frozenset[str]:
        """The accounts that belong to the guest. Staff order for guests, and accounts with another
        number belong to friends."""
        ids = {order.user_id for order in orders if order.user_id is not None}
        users = self._users.get_many(ids).values() if ids else ()
        return frozenset(user.id for user in users if self._is_theirs(user, phone))

    def _is_theirs(self, user: User, phone: str) -> bool:
        number = self._phone_identity.phone(user.phone) if user.phone else phone
        return not Caller(role=user.role).is_staff and number == phone

    def _orders_of(self, person: Person) -> Iterator[Order]:
        return all_of(partial(self._orders.page, OrderFilter(phone=person.phone)))

    def _with_same_phone(self, person: Person) -> Iterator[Customer]:
        return all_of(partial(self._customers.page, CustomerFilter(phone=person.phone)))

    def _announce_erased(self, customer: Customer) -> None:
        announce(customer_erased, self, customer=customer)


def _require_existing(customer: Customer) -> Customer:
    if customer.is_erased:
        raise NotFound(CUSTOMERS.name, customer.id)
    return customer
