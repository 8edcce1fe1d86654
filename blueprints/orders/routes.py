"""/api/orders"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.answers import after, if_match, one, operation, page, written
from blueprints.http.blueprint import Blueprint
from blueprints.http.diner import diner
from blueprints.http.limits import Limited
from blueprints.orders.schemas import (
    Cancellation,
    OrderIn,
    OrderOut,
    OrderPage,
    OrdersQuery,
    PlacedOut,
    StatusChange,
)
from blueprints.orders.views import order_view
from dinerapp.domain.permissions import Permission
from dinerapp.ports.orders import OrderFilter
from dinerapp.services.orders import NewOrder

blp = Blueprint("orders", __name__, url_prefix="/api/orders", description="Orders, step by step")


@blp.post("")
@blp.known
@blp.limited(Limited.ORDER)
@blp.arguments(OrderIn)
@blp.creates(PlacedOut)
def place_order(new: NewOrder) -> Response:
    """Place an order

    The server computes all prices from the menu. With an `Idempotency-Key` the request may be
    repeated until an answer comes: it stays one order. Its `access_token` reads and cancels just
    this order; whoever was logged in finds it among their own.
    """
    done = diner().orders.place(operation(_placing()), new, caller())
    token = diner().orders.access_token(done.record.id)
    body = order_view(done.record) | {"access_token": token}
    return written(done, body, location=f"/api/orders/{done.record.id}")


@blp.get("")
@blp.allows(Permission.SEE_ORDERS, owners=True)
@blp.arguments(OrdersQuery, location="query")
@blp.response(200, OrderPage)
def list_orders(query: dict[str, Any]) -> Response:
    """Orders, newest first; customers see their own"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = diner().orders.page(OrderFilter(**query), after(cursor), limit, caller())
    return page(found, order_view)


@blp.get("/<uuid:order_id>")
@blp.allows(Permission.SEE_ORDERS, owners=True)
@blp.reads(OrderOut)
def read_order(order_id: UUID) -> Response:
    """One order"""
    order = diner().orders.get(str(order_id), caller())
    return one(order, order_view(order))


@blp.patch("/<uuid:order_id>/status")
@blp.allows(Permission.MOVE_ORDERS)
@blp.arguments(StatusChange)
@blp.changes(OrderOut)
def move_order(change: dict[str, Any], order_id: UUID) -> Response:
    """Take an order a step further"""
    done = diner().orders.move(
        str(order_id),
        operation(f"orders.move {order_id}"),
        change["status"],
        caller(),
        reason=change["reason"],
        if_match=if_match(),
    )
    return written(done, order_view(done.record))


@blp.post("/<uuid:order_id>/cancel")
@blp.allows(Permission.CANCEL_ORDERS, owners=True)
@blp.arguments(Cancellation)
@blp.changes(OrderOut)
def cancel_order(cancellation: dict[str, Any], order_id: UUID) -> Response:
    """Call an order off"""
    done = diner().orders.cancel(
        str(order_id),
        operation(f"orders.cancel {order_id}"),
        caller(),
        reason=cancellation["reason"],
        if_match=if_match(),
    )
    return written(done, order_view(done.record))


def _placing() -> str:
    """A key is its sender's own: what one customer has ordered under it, no other one is shown."""
    return " ".join(filter(None, ("orders.place", caller().user_id)))
