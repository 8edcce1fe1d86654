"""Customers as plain values for responses."""

from __future__ import annotations

from typing import Any

from blueprints.http.responses import public_fields
from dinerapp.ordering.domain.customers import Customer


def customer_view(customer: Customer) -> dict[str, Any]:
    """A customer, without the time of erasure."""
    view = public_fields(customer)
    del view["erased_at"]
    return view
