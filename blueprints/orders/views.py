"""Orders as plain values for responses."""

from __future__ import annotations

from typing import Any

from blueprints.http.responses import public_fields
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.services.slots import SlotAvailability
from dinerapp.replication.codec import content

_INTERNAL_FIELDS = ("tickets", "terms")
_LINE_FIELDS = ("id", "item_id", "name", "quantity", "unit_price", "options", "notes", "total")
_PART_FIELDS = ("order_id", "code", "outstanding")
_PAYMENT_FIELDS = (
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
    """An order without its removed lines."""
    view = public_fields(order) | {"outstanding": order.outstanding}
    for name in _INTERNAL_FIELDS:
        del view[name]
    del view["customer"]["phone_key"]
    lines = view.pop("lines")
    view["items"] = [_pick(_LINE_FIELDS, line) for line in lines if line["quantity"]]
    del view["fulfilment"]["slot"]
    seating = view.pop("seating")
    view["merged_into"] = seating["merged_into"]
    view["merged"] = [_pick(_PART_FIELDS, part) for part in seating["parts"] if not part["is_off"]]
    view["payments"] = [_pick(_PAYMENT_FIELDS, payment) for payment in view["payments"]]
    return view


def history_view(order: Order) -> dict[str, Any]:
    """Every step, in order."""
    return {"items": content(order)["history"]}


def slot_view(slot: SlotAvailability) -> dict[str, Any]:
    """A slot with the places left."""
    return {"starts_at": slot.starts_at, "capacity": slot.capacity, "left": slot.left}


def _pick(names: tuple[str, ...], fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in names}
