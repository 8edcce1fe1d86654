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
from blueprints.carts.views import cart_view, prices_of
from blueprints.http.access import caller
from blueprints.http.answers import (
    PageQuery,
    after,
    if_match,
    one,
    operation,
    page,
    removed,
    written,
)
from blueprints.http.blueprint import Blueprint
from blueprints.http.limits import Limited
from blueprints.http.services import services_of
from blueprints.orders.routes import placed
from blueprints.orders.schemas import PlacedOut, WantedIn
from dinerapp.accounts.domain.permissions import Caller, Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.carts import Cart
from dinerapp.ordering.domain.pricing import Wanted
from dinerapp.ordering.services.carts import Checkout
from dinerapp.replication.saving import Saved

services = services_of(OrderingServices)

blp = Blueprint("carts", __name__, url_prefix="/api/carts", description="What is to be ordered")


@blp.post("")
@blp.known
@blp.limited(Limited.CART)
@blp.arguments(CartIn)
@blp.creates(OpenedOut)
def open_cart(_given: dict[str, Any]) -> Response:
    """Take a cart

    Its `access_token` opens just this cart; whoever was logged in finds it among their own. Carts
    are thrown away when nothing has happened to them for some days.
    """
    scope = " ".join(filter(None, ("carts.open", caller().user_id)))
    done = services().carts.open(operation(scope), caller())
    token = {"access_token": services().carts.access_token(done.record.id)}
    return _answer(done, location=f"/api/carts/{done.record.id}", more=token)


@blp.get("")
@blp.allows(Permission.USE_ACCOUNT)
@blp.arguments(PageQuery, location="query")
@blp.response(200, CartPage)
def list_carts(query: dict[str, Any]) -> Response:
    """One's own carts, newest first"""
    found = services().carts.page(caller(), after(query["cursor"]), query["limit"])
    views = {view["id"]: view for view in _views(*found.items)}
    return page(found, lambda cart: views[cart.id])


@blp.get("/<uuid:cart_id>")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.reads(CartOut)
def read_cart(cart_id: UUID) -> Response:
    """A cart, at the prices of now"""
    cart = services().carts.get(str(cart_id), caller())
    [view] = _views(cart)
    return one(cart, view, prices_of(view))


@blp.delete("/<uuid:cart_id>")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.removes()
def throw_cart_away(cart_id: UUID) -> Response:
    """Throw a cart away"""
    op = operation(f"carts.remove {cart_id}")
    return removed(services().carts.remove(str(cart_id), op, caller(), if_match()))


@blp.post("/<uuid:cart_id>/items")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.arguments(WantedIn)
@blp.changes(CartOut)
def put_in(wanted: Wanted, cart_id: UUID) -> Response:
    """Put something into a cart

    The same dish with the same options and notes becomes one position with the sum of both.
    """
    op = operation(f"carts.add {cart_id}")
    return _answer(services().carts.add(str(cart_id), op, wanted, caller(), if_match()))


@blp.patch("/<uuid:cart_id>/items/<uuid:line_id>")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.arguments(QuantityIn)
@blp.changes(CartOut)
def change_quantity(given: dict[str, Any], cart_id: UUID, line_id: UUID) -> Response:
    """Change how many there are of a position"""
    return _quantity(cart_id, line_id, given["quantity"])


@blp.delete("/<uuid:cart_id>/items/<uuid:line_id>")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.changes(CartOut)
def take_out(cart_id: UUID, line_id: UUID) -> Response:
    """Take a position out of a cart"""
    return _quantity(cart_id, line_id, 0)


@blp.post("/<uuid:cart_id>/join")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.arguments(JoinIn)
@blp.changes(CartOut, if_match=False)
def join_carts(given: dict[str, Any], cart_id: UUID) -> Response:
    """Empty another cart into this one

    For a guest who filled a cart and then logged in. It is done once, however often it is asked.
    """
    token = given["access_token"]
    other = caller() if token is None else Caller(record_token=token)
    op = operation(f"carts.join {cart_id}", but=["access_token"])
    done = services().carts.join(str(cart_id), op, str(given["cart_id"]), caller(), other)
    return _answer(done)


@blp.post("/<uuid:cart_id>/checkout")
@blp.allows(Permission.USE_ACCOUNT, owners=True)
@blp.limited(Limited.ORDER)
@blp.arguments(CheckoutIn)
@blp.creates(PlacedOut)
def check_out(checkout: Checkout, cart_id: UUID) -> Response:
    """Order what is in a cart

    A cart becomes one order, with an `Idempotency-Key` or without: repeated, the same checkout
    answers the same order, and any other one is refused.
    """
    op = operation(f"carts.check_out {cart_id}")
    return placed(services().carts.check_out(str(cart_id), op, checkout, caller()))


def _quantity(cart_id: UUID, line_id: UUID, quantity: int) -> Response:
    op = operation(f"carts.quantity {cart_id} {line_id}")
    done = services().carts.set_quantity(
        str(cart_id), str(line_id), quantity, op, caller(), if_match()
    )
    return _answer(done)


def _answer(
    done: Saved[Cart], location: str | None = None, more: dict[str, Any] | None = None
) -> Response:
    [view] = _views(done.record)
    return written(done, view | (more or {}), location, prices_of(view))


def _views(*carts: Cart) -> list[dict[str, Any]]:
    currency = services().currency
    positions = services().carts.positions(carts)
    return [cart_view(cart, each, currency) for cart, each in zip(carts, positions, strict=True)]
