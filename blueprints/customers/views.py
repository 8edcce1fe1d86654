"""Customers as plain values for answers."""

from __future__ import annotations

from typing import Any

from blueprints.customers.schemas import KnownCustomerOut
from blueprints.http.record_schemas import record_view
from dinerapp.ordering.domain.customers import Customer


def customer_view(customer: Customer) -> dict[str, Any]:
    """One customer; that they were erased once is nobody's business."""
    return record_view(KnownCustomerOut, customer)
