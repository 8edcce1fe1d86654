"""/api/orders"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import actor, require_order, require_staff
from blueprints.http.answers import after, answer, if_match, one, operation, page, written
from blueprints.http.blueprint import Blueprint
from blueprints.http.diner import diner
from blueprints.orders.schemas import (
    Cancellation,
    History,
    LookupQuery,
    OrderChanges,
    OrderIn,
    OrderOut,
    OrderPage,
    OrdersQuery,
    PaymentIn,
    PlacedOut,
    RefundIn,
    StatusChange,
)
from blueprints.orders.views import history_view, order_view
from dinerapp.domain.orders import Status
from dinerapp.ports.orders import OrderFilter
from dinerapp.services.orders import LineChanges, NewOrder
from dinerapp.services.till import NewPayment, NewRefund

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


@blp.get("/lookup")
@blp.arguments(LookupQuery, location="query")
@blp.response(200, PlacedOut)
def look_up_order(query: dict[str, Any]) -> Response:
    """A guest's order by phone and code

    The latest one, with its access token: codes repeat over the days.
    """
    order = diner().orders.look_up(**query)
    return answer(order_view(order) | {"access_token": diner().orders.access_token(order.id)})


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


@blp.get("/<uuid:order_id>/history")
@blp.response(200, History)
def read_history(order_id: UUID) -> Response:
    """Every step of an order"""
    require_order(str(order_id))
    return answer(history_view(diner().orders.get(str(order_id))))


@blp.patch("/<uuid:order_id>/items")
@blp.arguments(OrderChanges)
@blp.changes(OrderOut)
def revise_order(changes: LineChanges, order_id: UUID) -> Response:
    """Add to an open order, or change how many there are

    The kitchen is told the difference.
    """
    require_staff()
    op = operation(f"orders.revise {order_id}")
    done = diner().orders.revise(str(order_id), op, changes, if_match())
    return written(done, order_view(done.record))


@blp.post("/<uuid:order_id>/payments")
@blp.arguments(PaymentIn)
@blp.changes(OrderOut, if_match=False)
def pay_order(new: NewPayment, order_id: UUID) -> Response:
    """Take a payment"""
    require_staff()
    op = operation(f"orders.pay {order_id}")
    done = diner().till.pay(str(order_id), op, new, actor())
    return written(done, order_view(done.record))


@blp.post("/<uuid:order_id>/refunds")
@blp.arguments(RefundIn)
@blp.changes(OrderOut, if_match=False)
def refund_order(new: NewRefund, order_id: UUID) -> Response:
    """Give back some or all of a payment"""
    require_staff()
    op = operation(f"orders.refund {order_id}")
    done = diner().till.refund(str(order_id), op, new, actor())
    return written(done, order_view(done.record))


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
