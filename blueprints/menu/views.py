"""Menu items as plain values for answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from dinerapp.domain.codec import content
from dinerapp.services.menu import Shown


def item_view(shown: Shown) -> dict[str, Any]:
    """One item."""
    item = shown.item
    view = content(item) | {
        "id": item.id,
        "revision": item.version.revision,
        "available": item.available and shown.stock != 0,
        "stock": shown.stock,
    }
    del view["stock_limit"]
    return view


def menu_view(shown: Sequence[Shown], currency: str) -> dict[str, Any]:
    """The items by category, in the order they come in."""
    grouped = groupby(shown, key=lambda one: one.item.category)
    return {
        "currency": currency,
        "categories": [
            {"id": _slug(name), "name": name, "items": [item_view(one) for one in items]}
            for name, items in grouped
        ],
    }


def _slug(name: str) -> str:
    """Letters of any script stay: two categories in Cyrillic are two."""
    plain = unicodedata.normalize("NFKC", name.casefold())
    return re.sub(r"[\W_]+", "-", plain).strip("-") or "category"
