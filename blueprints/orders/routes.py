"""/api/orders"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import actor, require_order, require_staff
from blueprints.http.answers import after, if_match, one, operation, page, written
from blueprints.http.blueprint import Blueprint
from blueprints.http.diner import diner
from blueprints.orders.schemas import (
    Cancellation,
    OrderIn,
    OrderOut,
    OrderPage,
    OrdersQuery,
    PlacedOut,
    StatusChange,
)
from blueprints.orders.stream import LAST_EVENT_ID, STREAM, streamed
from blueprints.orders.views import order_view
from dinerapp.domain.orders import Status
from dinerapp.ports.orders import OrderFilter
from dinerapp.services.orders import NewOrder

blp = Blueprint("orders", __name__, url_prefix="/api/orders", description="Orders, step by step")


@blp.post("")
@blp.arguments(OrderIn)
@blp.creates(PlacedOut)
def place_order(new: NewOrder) -> Response:
    """Place an order

    The server computes all prices from the menu. With an `Idempotency-Key` the request may be
    repeated until an answer comes: it stays one order.
    """
    done = diner().orders.place(operation("orders.place"), new)
    token = diner().orders.access_token(done.record.id)
    body = order_view(done.record) | {"access_token": token}
    return written(done, body, location=f"/api/orders/{done.record.id}")


@blp.get("")
@blp.arguments(OrdersQuery, location="query")
@blp.response(200, OrderPage)
def list_orders(query: dict[str, Any]) -> Response:
    """Orders, newest first"""
    require_staff()
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return page(diner().orders.page(OrderFilter(**query), after(cursor), limit), order_view)


@blp.get("/stream")
@blp.doc(parameters=[LAST_EVENT_ID], responses={200: STREAM})
def stream_orders() -> Response:
    """Orders as they change, live (server-sent events)

    Each event `order` is an order as `GET /api/orders/{id}` gives it, in its latest state,
    whichever process took the change. A new stream begins with what changed in the last seconds.
    A stream that is opened with the `Last-Event-ID` of an earlier one goes on from there; it may
    repeat what came in the seconds before, so tell repetitions by `id` and `revision`. Where too
    much has changed since, it begins with an event `reset`: read the list of orders then. 503
    with `Retry-After` when this process serves as many streams as it can.
    """
    require_staff()
    return streamed(diner().feed)


@blp.get("/<uuid:order_id>")
@blp.reads(OrderOut)
def read_order(order_id: UUID) -> Response:
    """One order"""
    require_order(str(order_id))
    order = diner().orders.get(str(order_id))
    return one(order, order_view(order))


@blp.patch("/<uuid:order_id>/status")
@blp.arguments(StatusChange)
@blp.changes(OrderOut)
def move_order(change: dict[str, Any], order_id: UUID) -> Response:
    """Take an order a step further"""
    require_staff()
    return _move(str(order_id), "orders.move", change["status"], change["reason"])


@blp.post("/<uuid:order_id>/cancel")
@blp.arguments(Cancellation)
@blp.changes(OrderOut)
def cancel_order(cancellation: dict[str, Any], order_id: UUID) -> Response:
    """Call an order off"""
    require_order(str(order_id))
    return _move(str(order_id), "orders.cancel", Status.CANCELLED, cancellation["reason"])


def _move(order_id: str, scope: str, status: Status, reason: str | None) -> Response:
    done = diner().orders.move(
        order_id,
        operation(f"{scope} {order_id}"),
        status,
        actor=actor(),
        reason=reason,
        if_match=if_match(),
    )
    return written(done, order_view(done.record))
