"""Signals about the restaurant, sent after the commit."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

order_placed = _signals.signal("order_placed")
"""An order was accepted. order: Order."""

order_status_changed = _signals.signal("order_status_changed")
"""An order took a step. order: Order, before: Status."""

order_revised = _signals.signal("order_revised")
"""Lines of an order were added or changed. order: Order."""

order_paid = _signals.signal("order_paid")
"""A payment was taken. order: Order, payment: Payment."""

order_refunded = _signals.signal("order_refunded")
"""A payment was refunded. order: Order, payment: Payment."""

tickets_changed = _signals.signal("tickets_changed")
"""The kitchen took a step. order: Order."""

customer_erased = _signals.signal("customer_erased")
"""A customer was erased, here and in all their orders. customer: Customer (what is left)."""

ORDER_SIGNALS = (
    order_placed,
    order_status_changed,
    order_revised,
    order_paid,
    order_refunded,
    tickets_changed,
)
"""All signals whose payload has an order."""

menu_changed = _signals.signal("menu_changed")
"""An item was added, changed or removed. item: MenuItem."""

category_changed = _signals.signal("category_changed")
"""A category was added, changed or removed. category: Category."""
