"""/api/carts"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.carts.schemas import (
    CartIn,
    CartOut,
    CartPage,
    CheckoutIn,
    JoinIn,
    OpenedOut,
    QuantityIn,
)
from blueprints.carts.views import cart_view, prices_hash
from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.rate_limits import RateLimit
from blueprints.http.responses import (
    PageQuery,
    delete_response,
    if_match,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.orders.routes import placed_response
from blueprints.orders.schemas import PlacedOut, WantedIn
from dinerapp.accounts.domain.permissions import Caller, Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.carts import Cart
from dinerapp.ordering.domain.pricing import LineRequest
from dinerapp.ordering.services.carts import Checkout
from dinerapp.replication.saving import WriteResult

services = services_of(OrderingServices)

blp = Blueprint("carts", __name__, url_prefix="/api/carts", description="Shopping carts")


@blp.post("")
@blp.optional_auth
@blp.rate_limit(RateLimit.CART)
@blp.arguments(CartIn)
@blp.creates(OpenedOut)
def open_cart(_given: dict[str, Any]) -> Response:
    """Open a cart

    Its `access_token` gives access to this cart only; if you are logged in, the cart is also in
    your list. A cart that has not been used for some days is deleted.
    """
    scope = " ".join(filter(None, ("carts.open", caller().user_id)))
    result = services().carts.open(operation(scope), caller())
    token = {"access_token": services().carts.access_token(result.record.id)}
    return _cart_response(result, location=f"/api/carts/{result.record.id}", extra_fields=token)


@blp.get("")
@blp.allows(Permission.USE_ACCOUNT)
@blp.arguments(PageQuery, location="query")
@blp.response(200, CartPage)
def list_carts(query: dict[str, Any]) -> Response:
    """Your carts, newest first"""
    found = services().carts.page(caller(), parse_cursor(query["cursor"]), query["limit"])
    views = {view["id"]: view for view in _views(*found.items)}
    return page_response(found, lambda cart: views[cart.id])


@blp.get("/<uuid:cart_id>")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.reads(CartOut)
def read_cart(cart_id: UUID) -> Response:
    """A cart, at current prices"""
    cart = services().carts.get(str(cart_id), caller())
    [view] = _views(cart)
    return record_response(cart, view, prices_hash(view))


@blp.delete("/<uuid:cart_id>", endpoint="throw_cart_away")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.removes()
def delete_cart(cart_id: UUID) -> Response:
    """Delete a cart"""
    op = operation(f"carts.remove {cart_id}")
    return delete_response(services().carts.remove(str(cart_id), op, caller(), if_match()))


@blp.post("/<uuid:cart_id>/items", endpoint="put_in")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.arguments(WantedIn)
@blp.changes(CartOut)
def add_item(wanted: LineRequest, cart_id: UUID) -> Response:
    """Add an item to a cart

    If the cart already has the item with the same options and notes, that line's quantity grows.
    """
    op = operation(f"carts.add {cart_id}")
    return _cart_response(services().carts.add(str(cart_id), op, wanted, caller(), if_match()))


@blp.patch("/<uuid:cart_id>/items/<uuid:line_id>")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.arguments(QuantityIn)
@blp.changes(CartOut)
def change_quantity(given: dict[str, Any], cart_id: UUID, line_id: UUID) -> Response:
    """Change the quantity of a line"""
    return _set_quantity(cart_id, line_id, given["quantity"])


@blp.delete("/<uuid:cart_id>/items/<uuid:line_id>", endpoint="take_out")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.changes(CartOut)
def remove_item(cart_id: UUID, line_id: UUID) -> Response:
    """Remove a line from a cart"""
    return _set_quantity(cart_id, line_id, 0)


@blp.post("/<uuid:cart_id>/join")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.arguments(JoinIn)
@blp.changes(CartOut, if_match=False)
def join_carts(given: dict[str, Any], cart_id: UUID) -> Response:
    """Move everything from another cart into this one

    For a guest who filled a cart and then logged in. It happens once, however often it is
    requested.
    """
    token = given["access_token"]
    other = caller() if token is None else Caller(record_token=token)
    op = operation(f"carts.join {cart_id}", exclude=["access_token"])
    result = services().carts.join(str(cart_id), op, str(given["cart_id"]), caller(), other)
    return _cart_response(result)


@blp.post("/<uuid:cart_id>/checkout")
@blp.allows(Permission.USE_ACCOUNT, or_owner=True, record_token=True)
@blp.rate_limit(RateLimit.ORDER)
@blp.arguments(CheckoutIn)
@blp.creates(PlacedOut)
def check_out(checkout: Checkout, cart_id: UUID) -> Response:
    """Order what is in a cart

    A cart becomes one order, with or without an `Idempotency-Key`: repeating the same checkout
    returns the same order, and a different one is refused.
    """
    op = operation(f"carts.check_out {cart_id}")
    return placed_response(services().carts.check_out(str(cart_id), op, checkout, caller()))


def _set_quantity(cart_id: UUID, line_id: UUID, quantity: int) -> Response:
    op = operation(f"carts.quantity {cart_id} {line_id}")
    result = services().carts.set_quantity(
        str(cart_id), str(line_id), quantity, op, caller(), if_match()
    )
    return _cart_response(result)


def _cart_response(
    result: WriteResult[Cart],
    location: str | None = None,
    extra_fields: dict[str, Any] | None = None,
) -> Response:
    [view] = _views(result.record)
    return write_response(result, view | (extra_fields or {}), location, prices_hash(view))


def _views(*carts: Cart) -> list[dict[str, Any]]:
    currency = services().currency
    priced_lines = services().carts.priced_lines(carts)
    return [
        cart_view(cart, lines, currency) for cart, lines in zip(carts, priced_lines, strict=True)
    ]
