"""/api/menu"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.answers import if_match, one, operation, removed, whole, written
from blueprints.http.blueprint import Blueprint
from blueprints.http.diner import diner
from blueprints.menu.schemas import Availability, ItemChanges, ItemIn, ItemOut, MenuOut, Stock
from blueprints.menu.views import item_view, menu_view
from dinerapp.domain.menu import MenuItem
from dinerapp.domain.permissions import Permission
from dinerapp.services.saving import Saved

blp = Blueprint("menu", __name__, url_prefix="/api/menu", description="What there is to eat")


@blp.get("")
@blp.public
@blp.reads(MenuOut)
def read_menu() -> Response:
    """The whole menu, by category"""
    return whole(menu_view(diner().menu.all(), diner().settings.currency))


@blp.get("/items/<uuid:item_id>")
@blp.public
@blp.reads(ItemOut)
def read_item(item_id: UUID) -> Response:
    """One item"""
    shown = diner().menu.get(str(item_id))
    return one(shown.item, item_view(shown), shown.stock)


@blp.post("/items")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(ItemIn)
@blp.creates(ItemOut)
def add_item(fields: dict[str, Any]) -> Response:
    """Add an item to the menu"""
    done = diner().menu.add(operation("menu.add"), fields)
    return _answer(done, location=f"/api/menu/items/{done.record.id}")


@blp.patch("/items/<uuid:item_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.arguments(ItemChanges)
@blp.changes(ItemOut)
def change_item(fields: dict[str, Any], item_id: UUID) -> Response:
    """Change some of an item's fields"""
    op = operation(f"menu.change {item_id}")
    return _answer(diner().menu.change(str(item_id), op, fields, if_match()))


@blp.delete("/items/<uuid:item_id>")
@blp.allows(Permission.EDIT_MENU)
@blp.removes()
def remove_item(item_id: UUID) -> Response:
    """Take an item off the menu for good"""
    op = operation(f"menu.remove {item_id}")
    return removed(diner().menu.remove(str(item_id), op, if_match()))


@blp.put("/items/<uuid:item_id>/availability")
@blp.allows(Permission.RUN_OUT)
@blp.arguments(Availability)
@blp.changes(ItemOut)
def set_availability(fields: dict[str, Any], item_id: UUID) -> Response:
    """86 an item, or bring it back"""
    op = operation(f"menu.availability {item_id}")
    return _answer(diner().menu.change(str(item_id), op, fields, if_match()))


@blp.put("/items/<uuid:item_id>/stock")
@blp.allows(Permission.RUN_OUT)
@blp.arguments(Stock)
@blp.changes(ItemOut)
def count_stock(fields: dict[str, Any], item_id: UUID) -> Response:
    """Say how many are left from now on"""
    op = operation(f"menu.stock {item_id}")
    return _answer(diner().menu.count_stock(str(item_id), op, fields["stock"], if_match()))


def _answer(done: Saved[MenuItem], location: str | None = None) -> Response:
    [shown] = diner().menu.shown([done.record])
    return written(done, item_view(shown), location, shown.stock)
