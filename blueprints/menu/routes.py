"""/api/menu"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    Prebuilt,
    delete_response,
    if_match,
    json_response,
    operation,
    prebuild,
    prebuilt_response,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.menu.schemas import (
    Availability,
    CategoryChanges,
    CategoryIn,
    CategoryList,
    CategoryOut,
    ItemChanges,
    ItemIn,
    ItemOut,
    MenuOut,
    MenuQuery,
    Stock,
)
from blueprints.menu.views import category_view, etag_suffix, item_view, menu_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.services.menu_cache import MenuFilter, MenuGroup
from dinerapp.replication.saving import WriteResult

services = services_of(OrderingServices)

blp = Blueprint("menu", __name__, url_prefix="/api/menu", description="The menu")


@blp.get("")
@blp.public
@blp.arguments(MenuQuery, location="query")
@blp.reads(MenuOut)
def read_menu(menu_filter: MenuFilter) -> Response:
    """The menu, by category

    The response is cached until an item changes or its hours begin or end. With `dietary` or
    `available`, categories without a matching item are left out.
    """
    return prebuilt_response(services().menu_cache.prebuilt_menu(menu_filter, _encode_menu))


@blp.get("/items/<uuid:item_id>")
@blp.public
@blp.reads(ItemOut)
def read_item(item_id: UUID) -> Response:
    """One item"""
    shown = services().menu.get(str(item_id))
    return record_response(shown.item, item_view(shown), etag_suffix(shown))


@blp.post("/items")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(ItemIn)
@blp.creates(ItemOut)
def add_item(fields: dict[str, Any]) -> Response:
    """Add an item to the menu"""
    result = services().menu.add(operation("menu.add"), fields)
    return _item_response(result, location=f"/api/menu/items/{result.record.id}")


@blp.patch("/items/<uuid:item_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(ItemChanges)
@blp.changes(ItemOut)
def change_item(fields: dict[str, Any], item_id: UUID) -> Response:
    """Change some of an item's fields"""
    op = operation(f"menu.change {item_id}")
    return _item_response(services().menu.change(str(item_id), op, fields, if_match()))


@blp.delete("/items/<uuid:item_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.removes()
def remove_item(item_id: UUID) -> Response:
    """Remove an item from the menu for good"""
    op = operation(f"menu.remove {item_id}")
    return delete_response(services().menu.remove(str(item_id), op, if_match()))


@blp.put("/items/<uuid:item_id>/availability")
@blp.allows(Permission.RUN_OUT)
@blp.arguments(Availability)
@blp.changes(ItemOut)
def set_availability(fields: dict[str, Any], item_id: UUID) -> Response:
    """86 an item (mark it as unavailable), or bring it back"""
    op = operation(f"menu.availability {item_id}")
    return _item_response(services().menu.change(str(item_id), op, fields, if_match()))


@blp.put("/items/<uuid:item_id>/stock")
@blp.allows(Permission.RUN_OUT)
@blp.arguments(Stock)
@blp.changes(ItemOut)
def count_stock(fields: dict[str, Any], item_id: UUID) -> Response:
    """Set how many of an item are left"""
    op = operation(f"menu.stock {item_id}")
    return _item_response(
        services().menu.count_stock(str(item_id), op, fields["stock"], if_match())
    )


@blp.get("/categories")
@blp.public
@blp.response(200, CategoryList)
def list_categories() -> Response:
    """Every category, in the order of the menu"""
    return json_response({"items": [category_view(one) for one in services().categories.all()]})


@blp.get("/categories/<uuid:category_id>")
@blp.public
@blp.reads(CategoryOut)
def read_category(category_id: UUID) -> Response:
    """One category"""
    category = services().categories.get(str(category_id))
    return record_response(category, category_view(category))


@blp.post("/categories")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(CategoryIn)
@blp.creates(CategoryOut)
def add_category(fields: dict[str, Any]) -> Response:
    """Add a category to the menu"""
    result = services().categories.add(operation("categories.add"), fields)
    return _category_response(result, location=f"/api/menu/categories/{result.record.id}")


@blp.patch("/categories/<uuid:category_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(CategoryChanges)
@blp.changes(CategoryOut)
def change_category(fields: dict[str, Any], category_id: UUID) -> Response:
    """Change some of a category's fields"""
    op = operation(f"categories.change {category_id}")
    return _category_response(
        services().categories.change(str(category_id), op, fields, if_match())
    )


@blp.delete("/categories/<uuid:category_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.removes()
def remove_category(category_id: UUID) -> Response:
    """Delete a category

    Returns 409 while there are items in it; the problem says how many.
    """
    op = operation(f"categories.remove {category_id}")
    return delete_response(services().categories.remove(str(category_id), op, if_match()))


def _encode_menu(groups: Sequence[MenuGroup]) -> Prebuilt:
    return prebuild(menu_view(groups, services().currency))


def _category_response(result: WriteResult[Category], location: str | None = None) -> Response:
    return write_response(result, category_view(result.record), location)


def _item_response(result: WriteResult[MenuItem], location: str | None = None) -> Response:
    [shown] = services().menu.entries([result.record])
    return write_response(result, item_view(shown), location, etag_suffix(shown))
