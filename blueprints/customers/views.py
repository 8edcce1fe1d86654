"""Customers as plain values for answers."""

from __future__ import annotations

from typing import Any

from blueprints.http.responses import public_fields
from dinerapp.ordering.domain.customers import Customer


def customer_view(customer: Customer) -> dict[str, Any]:
    """One customer; that they were erased once is nobody's business."""
    view = public_fields(customer)
    del view["erased_at"]
    return view
