"""Kitchen tickets as plain values for responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.tickets import Ticket
from dinerapp.ordering.services.kitchen import KitchenBoard
from dinerapp.replication.record import utc_now


def board_view(board: KitchenBoard) -> dict[str, Any]:
    """All open tickets."""
    return {"items": [kitchen_order_view(order, tickets) for order, tickets in board.orders]}


def kitchen_order_view(order: Order, tickets: Sequence[Ticket]) -> dict[str, Any]:
    """One order as the kitchen sees it."""
    oldest = min((ticket.fired_at for ticket in tickets), default=order.created_at)
    return {
        "order_id": order.id,
        "code": order.code,
        "revision": order.version.revision,
        "status": order.status,
        "fulfilment": order.fulfilment.type,
        "table": order.fulfilment.table,
        "scheduled_for": order.fulfilment.scheduled_for,
        "notes": order.notes,
        "placed_at": order.created_at,
        "waiting_seconds": max(0, int((utc_now() - oldest).total_seconds())),
        "tickets": [msgspec.to_builtins(ticket) for ticket in tickets],
    }
