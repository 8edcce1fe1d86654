"""Orders as plain values for answers."""

from __future__ import annotations

from typing import Any

from blueprints.http.answers import plain
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.services.slots import Free
from dinerapp.replication.codec import content

_INTERNAL = ("tickets", "terms")
_OF_LINES = ("id", "item_id", "name", "quantity", "unit_price", "options", "notes", "total")
_OF_PAYMENTS = (
    "id",
    "method",
    "amount",
    "tip",
    "given",
    "change",
    "reference",
    "line_ids",
    "refund_of",
    "reason",
    "at",
)


def order_view(order: Order) -> dict[str, Any]:
    """One order, without the lines that were taken off."""
    view = plain(order) | {"outstanding": order.outstanding}
    for name in _INTERNAL:
        del view[name]
    del view["customer"]["phone_key"]
    lines = view.pop("lines")
    view["items"] = [_only(_OF_LINES, line) for line in lines if line["quantity"]]
    del view["fulfilment"]["slot"]
    view["payments"] = [_only(_OF_PAYMENTS, payment) for payment in view["payments"]]
    return view


def history_view(order: Order) -> dict[str, Any]:
    """Every step, in its order."""
    return {"items": content(order)["history"]}


def slot_view(slot: Free) -> dict[str, Any]:
    """A slot, with what is left of it."""
    return {"starts_at": slot.starts_at, "capacity": slot.capacity, "left": slot.left}


def _only(names: tuple[str, ...], plain: dict[str, Any]) -> dict[str, Any]:
    return {name: plain[name] for name in names}
