"""Erasing what other wings store about a guest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from dinerapp.ordering.domain.orders import Order


class GuestEraser(Protocol):
    """Erases a guest in one wing; each wing that stores anything about guests implements it."""

    def erase(self, orders: Collection[Order], phone: str, at: datetime) -> None:
        """Erases what the wing stored about the guest up to then. `orders` are the guest's, and may
        name their account. Must be idempotent."""
