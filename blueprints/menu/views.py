"""The menu as plain values for responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dinerapp.ordering.domain.hours import Window, format_time
from dinerapp.ordering.domain.menu import Category
from dinerapp.ordering.services.menu_cache import MenuEntry, MenuGroup
from dinerapp.replication.codec import content


def item_view(entry: MenuEntry) -> dict[str, Any]:
    """One item."""
    item = entry.item
    view = content(item) | {
        "id": item.id,
        "revision": item.version.revision,
        "hours": hours_view(item.hours),
        "available": entry.available,
        "stock": entry.stock,
    }
    del view["stock_limit"]
    return view


def etag_suffix(entry: MenuEntry) -> str | None:
    """What an item's ETag contains besides the version: the stock left, and whether it is served
    now."""
    left = "" if entry.stock is None else str(entry.stock)
    return left + ("" if entry.is_served else "closed") or None


def category_view(category: Category) -> dict[str, Any]:
    """One category."""
    return content(category) | {
        "id": category.id,
        "revision": category.version.revision,
        "hours": hours_view(category.hours),
    }


def menu_view(groups: Sequence[MenuGroup], currency: str) -> dict[str, Any]:
    """The menu by category."""
    return {"currency": currency, "categories": [_group_view(group) for group in groups]}


def hours_view(windows: Sequence[Window]) -> list[dict[str, Any]]:
    """Windows in the form in which clients send them."""
    return [
        {
            "days": list(window.days),
            "opens": format_time(window.opens),
            "closes": format_time(window.closes),
        }
        for window in windows
    ]


def _group_view(group: MenuGroup) -> dict[str, Any]:
    category = group.category
    return {
        "id": category.id,
        "slug": category.slug,
        "name": category.name,
        "description": category.description,
        "items": [item_view(shown) for shown in group.items],
    }
