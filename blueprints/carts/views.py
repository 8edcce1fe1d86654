"""Carts as plain values for responses."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from blueprints.http.responses import public_fields
from blueprints.http.strict_json import dumps
from dinerapp.ordering.domain.carts import Cart
from dinerapp.ordering.domain.orders import Line
from dinerapp.ordering.services.carts import PricedLine

_INTERNAL_FIELDS = ("lines", "absorbed")


def cart_view(cart: Cart, positions: list[PricedLine], currency: str) -> dict[str, Any]:
    """A cart at current prices."""
    view = public_fields(cart)
    for name in _INTERNAL_FIELDS:
        del view[name]
    view["items"] = [_line_view(position) for position in positions]
    view["subtotal"] = sum(item["total"] or 0 for item in view["items"])
    return view | {"currency": currency}


def prices_hash(view: dict[str, Any]) -> str:
    """Distinguishes responses for one version of a cart, because prices change without it."""
    return hashlib.blake2b(dumps(view["items"]), digest_size=6).hexdigest()


def _line_view(position: PricedLine) -> dict[str, Any]:
    wanted, offer = position.line.wanted, position.quote
    view: dict[str, Any] = {
        "id": position.line.id,
        "item_id": wanted.item_id,
        "quantity": wanted.quantity,
        "option_ids": wanted.options,
        "notes": wanted.notes,
    }
    if not isinstance(offer, Line):
        return view | {
            "name": None,
            "unit_price": None,
            "options": [],
            "total": None,
            "problem": offer.reason,
        }
    return view | {
        "name": offer.name,
        "unit_price": offer.unit_price,
        "options": [asdict(option) for option in offer.options],
        "total": offer.total,
        "problem": None,
    }
