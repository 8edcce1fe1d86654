"""Erasing what other wings keep of a guest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from dinerapp.ordering.domain.orders import Order


class GuestEraser(Protocol):
    """Erases a guest in one wing; each wing that keeps anything about guests has one."""

    def erase(self, orders: Collection[Order], phone: str, at: datetime) -> None:
        """Erases what the wing kept of the guest by then. `orders` are orders of theirs, which may
        name their account. May be repeated."""
