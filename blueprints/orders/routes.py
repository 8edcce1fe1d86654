"""/api/orders"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.headers import LAST_EVENT_ID
from blueprints.http.rate_limits import RateLimit
from blueprints.http.responses import (
    if_match,
    json_response,
    operation,
    page_response,
    parse_cursor,
    public_fields,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.orders.schemas import (
    Cancellation,
    History,
    LookupQuery,
    MergeIn,
    OrderChanges,
    OrderIn,
    OrderOut,
    OrderPage,
    OrdersQuery,
    PaymentIn,
    PlacedOut,
    PlannedSlotOut,
    RefundIn,
    SlotIn,
    Slots,
    SlotsQuery,
    StatusChange,
    TableChange,
)
from blueprints.orders.stream import STREAM_DOCUMENTATION, stream_response
from blueprints.orders.views import history_view, order_view, slot_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.ordering.services.orders import LineChanges, NewOrder
from dinerapp.ordering.services.till import NewPayment, NewRefund
from dinerapp.replication.saving import WriteResult

services = services_of(OrderingServices)

blp = Blueprint(
    "orders", __name__, url_prefix="/api/orders", description="Orders from placing to payment"
)


@blp.post("")
@blp.optional_auth
@blp.rate_limit(RateLimit.ORDER)
@blp.arguments(OrderIn)
@blp.creates(PlacedOut)
def place_order(new: NewOrder) -> Response:
    """Place an order

    The server computes all prices from the menu. With an `Idempotency-Key` the request can be
    repeated until a response arrives: it stays one order. The `access_token` reads and cancels
    this order only; if you are logged in, the order is also in your list.
    """
    return placed_response(services().orders.place(operation(_placing_scope()), new, caller()))


@blp.get("")
@blp.allows(Permission.SEE_ORDERS, or_owner=True)
@blp.arguments(OrdersQuery, location="query")
@blp.response(200, OrderPage)
def list_orders(query: dict[str, Any]) -> Response:
    """Orders, newest first; customers see their own"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    found = services().orders.page(OrderFilter(**query), parse_cursor(cursor), limit, caller())
    return page_response(found, order_view)


@blp.get("/lookup")
@blp.public
@blp.rate_limit(RateLimit.LOOKUP, RateLimit.PHONE)
@blp.arguments(LookupQuery, location="query")
@blp.response(200, PlacedOut)
@blp.fails_with(404)
def look_up_order(query: dict[str, Any]) -> Response:
    """Find a guest's order by telephone number and code

    Returns the latest match with its access token, because codes are reused over time.
    """
    order = services().orders.look_up(**query)
    return json_response(
        order_view(order) | {"access_token": services().orders.access_token(order.id)}
    )


@blp.get("/slots")
@blp.public
@blp.arguments(SlotsQuery, location="query")
@blp.response(200, Slots)
def list_slots(query: dict[str, Any]) -> Response:
    """The times of a day that orders can be scheduled for"""
    slots = services().slots.availability_on(query["date"])
    minutes = services().slots.minutes
    return json_response({"minutes": minutes, "items": [slot_view(slot) for slot in slots]})


@blp.put("/slots")
@blp.allows(Permission.PLAN_SLOTS)
@blp.arguments(SlotIn)
@blp.changes(PlannedSlotOut)
def plan_slot(given: dict[str, Any]) -> Response:
    """Set how many orders a slot takes; orders already in it stay"""
    result = services().slots.plan(
        **given, operation=operation("orders.slots"), if_match=if_match()
    )
    return write_response(
        result,
        public_fields(result.record) | slot_view(services().slots.availability_of(result.record)),
    )


@blp.get("/stream")
@blp.allows(Permission.SEE_ORDERS)
@blp.doc(parameters=[LAST_EVENT_ID], responses={200: STREAM_DOCUMENTATION})
def stream_orders() -> Response:
    """Stream orders as they change (server-sent events)

    Each `order` event is an order as `GET /api/orders/{id}` returns it, in its latest state,
    whichever process handled the change. A new stream begins with the changes of the last few
    seconds. A stream opened with the `Last-Event-ID` of an earlier one resumes there; it may repeat
    events of the seconds before, so use `id` and `revision` to detect duplicates. If too much has
    changed since, it begins with a `reset` event: reload the list of orders then. Returns 503 with
    `Retry-After` if this process already serves as many streams as it can.
    """
    return stream_response(services().order_feed)


@blp.get("/<uuid:order_id>")
@blp.allows(Permission.SEE_ORDERS, or_owner=True, record_token=True)
@blp.reads(OrderOut)
def read_order(order_id: UUID) -> Response:
    """One order"""
    order = services().orders.get(str(order_id), caller())
    return record_response(order, order_view(order))


@blp.patch("/<uuid:order_id>/status")
@blp.allows(Permission.MOVE_ORDERS)
@blp.arguments(StatusChange)
@blp.changes(OrderOut)
def move_order(change: dict[str, Any], order_id: UUID) -> Response:
    """Move an order to its next status"""
    result = services().orders.move(
        str(order_id),
        operation(f"orders.move {order_id}"),
        change["status"],
        caller(),
        reason=change["reason"],
        if_match=if_match(),
    )
    return write_response(result, order_view(result.record))


@blp.post("/<uuid:order_id>/cancel")
@blp.allows(Permission.CANCEL_ORDERS, or_owner=True, record_token=True)
@blp.arguments(Cancellation)
@blp.changes(OrderOut)
def cancel_order(cancellation: dict[str, Any], order_id: UUID) -> Response:
    """Cancel an order"""
    result = services().orders.cancel(
        str(order_id),
        operation(f"orders.cancel {order_id}"),
        caller(),
        reason=cancellation["reason"],
        if_match=if_match(),
    )
    return write_response(result, order_view(result.record))


@blp.get("/<uuid:order_id>/history")
@blp.allows(Permission.SEE_ORDERS, or_owner=True, record_token=True)
@blp.response(200, History)
def read_history(order_id: UUID) -> Response:
    """The status history of an order"""
    return json_response(history_view(services().orders.get(str(order_id), caller())))


@blp.patch("/<uuid:order_id>/items")
@blp.allows(Permission.CHANGE_ORDERS)
@blp.arguments(OrderChanges)
@blp.changes(OrderOut)
def revise_order(changes: LineChanges, order_id: UUID) -> Response:
    """Add lines to an open order, or change quantities

    The kitchen gets tickets for the difference.
    """
    op = operation(f"orders.revise {order_id}")
    result = services().orders.revise(str(order_id), op, changes, if_match())
    return write_response(result, order_view(result.record))


@blp.put("/<uuid:order_id>/table")
@blp.allows(Permission.SEAT_GUESTS)
@blp.arguments(TableChange)
@blp.changes(OrderOut)
def change_table(change: dict[str, Any], order_id: UUID) -> Response:
    """Move a dine-in order to another table"""
    op = operation(f"orders.table {order_id}")
    done = services().bills.move(str(order_id), op, change["table"], if_match())
    return write_response(done, order_view(done.record))


@blp.post("/<uuid:order_id>/merge")
@blp.allows(Permission.SEAT_GUESTS)
@blp.arguments(MergeIn)
@blp.changes(OrderOut, if_match=False)
def merge_orders(given: dict[str, Any], order_id: UUID) -> Response:
    """Merge another order of the table into this one

    From then on both are paid with this one, in whose `outstanding` the other one is included. What
    was paid already counts, and each keeps its lines and its tickets in the kitchen. If the request
    is interrupted, the rest happens by itself.
    """
    op = operation(f"orders.merge {order_id}")
    done = services().bills.merge(str(order_id), op, given["order_id"])
    return write_response(done, order_view(done.record))


@blp.post("/<uuid:order_id>/split")
@blp.allows(Permission.SEAT_GUESTS)
@blp.changes(OrderOut, if_match=False)
def split_order(order_id: UUID) -> Response:
    """Take a merged order off the other one's bill"""
    done = services().bills.split(str(order_id), operation(f"orders.split {order_id}"))
    return write_response(done, order_view(done.record))


@blp.post("/<uuid:order_id>/payments")
@blp.allows(Permission.TAKE_MONEY)
@blp.arguments(PaymentIn)
@blp.changes(OrderOut, if_match=False)
def pay_order(new: NewPayment, order_id: UUID) -> Response:
    """Take a payment"""
    op = operation(f"orders.pay {order_id}")
    result = services().till.pay(str(order_id), op, new, caller().actor)
    return write_response(result, order_view(result.record))


@blp.post("/<uuid:order_id>/refunds")
@blp.allows(Permission.GIVE_MONEY_BACK)
@blp.arguments(RefundIn)
@blp.changes(OrderOut, if_match=False)
def refund_order(new: NewRefund, order_id: UUID) -> Response:
    """Refund some or all of a payment"""
    op = operation(f"orders.refund {order_id}")
    result = services().till.refund(str(order_id), op, new, caller().actor)
    return write_response(result, order_view(result.record))


def placed_response(result: WriteResult[Order]) -> Response:
    """The response to placing an order."""
    token = services().orders.access_token(result.record.id)
    body = order_view(result.record) | {"access_token": token}
    return write_response(result, body, location=f"/api/orders/{result.record.id}")


def _placing_scope() -> str:
    """A key belongs to its sender, so that it never shows one customer another customer's order."""
    return " ".join(filter(None, ("orders.place", caller().user_id)))
