"""Creates and updates customers from orders: a follower of orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from threading import Lock

from cachetools import LRUCache

from dinerapp.live.signals import bus_gap, remote_change
from dinerapp.ordering.domain.customers import CUSTOMERS, Customer
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.ordering.signals import customer_erased
from dinerapp.replication.errors import DinerError

MAX_REMEMBERED = 10_000

_LastOrder = tuple[str, str | None, date]


class CustomerTracker:
    """Follows orders. It remembers whose orders it has handled today, so that their next one needs
    no store call."""

    def __init__(self, customers: CustomerService, max_remembered: int = MAX_REMEMBERED) -> None:
        self._customers = customers
        self._lock = Lock()
        self._last_orders = LRUCache[str, _LastOrder](max_remembered)
        customer_erased.connect(self._on_customer_erased)
        remote_change.connect(self._on_remote_change)
        bus_gap.connect(self._on_bus_gap)

    def follow(self, records: Sequence[Order]) -> None:
        """Updates the customers of these orders. Orders that fail are delivered again."""
        for order in records:
            customer_id = self._customers.id_of(order)
            if customer_id is not None and self._is_new(customer_id, order):
                self._remember(customer_id, order)

    def _remember(self, customer_id: str, order: Order) -> None:
        try:
            self._customers.remember(order)
        except DinerError:
            self._forget(customer_id)
            raise

    def _is_new(self, customer_id: str, order: Order) -> bool:
        """Marks the customer before the order is applied, so that an erasure in between removes the
        mark."""
        latest = (order.customer.name, order.customer.email, order.created_at.date())
        with self._lock:
            if self._last_orders.get(customer_id) == latest:
                return False
            self._last_orders[customer_id] = latest
            return True

    def _forget(self, customer_id: str) -> None:
        with self._lock:
            self._last_orders.pop(customer_id, None)

    def _on_customer_erased(self, _sender: object, customer: Customer) -> None:
        self._forget(customer.id)

    def _on_remote_change(
        self, _sender: object, kind: str, record_id: str, **_payload: object
    ) -> None:
        if kind == CUSTOMERS.name:
            self._forget(record_id)

    def _on_bus_gap(self, _sender: object) -> None:
        with self._lock:
            self._last_orders.clear()
