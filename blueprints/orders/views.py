"""Orders as plain values for answers."""

from __future__ import annotations

from typing import Any

from dinerapp.domain.codec import content
from dinerapp.domain.orders import Order


def order_view(order: Order) -> dict[str, Any]:
    """One order."""
    view = content(order) | {
        "id": order.id,
        "revision": order.version.revision,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
    view["items"] = [_without_marks(line) for line in view.pop("lines")]
    return view


def _without_marks(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "counted"}
