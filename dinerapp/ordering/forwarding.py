"""Forwards signals about orders and the menu to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinerapp.live.signal_bridge import SignalBridge, describe_change
from dinerapp.ordering.domain.customers import CUSTOMERS, Customer
from dinerapp.ordering.domain.menu import CATEGORIES, MENU_ITEMS, Category, MenuItem
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.services.menu_cache import takes_stock
from dinerapp.ordering.signals import (
    category_changed,
    customer_erased,
    menu_changed,
    order_paid,
    order_placed,
    order_refunded,
    order_revised,
    order_status_changed,
    tickets_changed,
)


def forward_signals(bridge: SignalBridge) -> None:
    """Connects the wing's signals to the bus."""
    bridge.forward(menu_changed, "menu_changed", _item)
    bridge.forward(category_changed, "category_changed", _category)
    bridge.forward(order_placed, "order_placed", _step)
    bridge.forward(order_status_changed, "order_status_changed", _step)
    bridge.forward(order_revised, "order_revised", _revision)
    for signal in (order_paid, order_refunded, tickets_changed):
        bridge.forward(signal, "order_changed", _change)
    bridge.forward(customer_erased, "customer_erased", _customer)


def _item(item: MenuItem) -> Mapping[str, Any]:
    return describe_change(MENU_ITEMS.name, item)


def _category(category: Category) -> Mapping[str, Any]:
    return describe_change(CATEGORIES.name, category)


def _step(order: Order, **_payload: Any) -> Mapping[str, Any]:
    return describe_change(ORDERS.name, order, takes_stock=takes_stock(order))


def _revision(order: Order) -> Mapping[str, Any]:
    return describe_change(
        ORDERS.name, order, takes_stock=any(line.counted for line in order.lines)
    )


def _change(order: Order, **_payload: Any) -> Mapping[str, Any]:
    return describe_change(ORDERS.name, order)


def _customer(customer: Customer) -> Mapping[str, Any]:
    return describe_change(CUSTOMERS.name, customer)
