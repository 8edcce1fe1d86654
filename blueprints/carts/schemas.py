"""Carts as clients send and see them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import RequestSchema, StrictInt, Text
from blueprints.orders import schemas as orders
from dinerapp.ordering.domain.carts import MAX_QUANTITY, CartState
from dinerapp.ordering.services.carts import Checkout


class CartIn(RequestSchema):
    """A new cart is empty."""


class QuantityIn(RequestSchema):
    """The new quantity of a line; 0 removes it."""

    quantity = StrictInt(0, MAX_QUANTITY, required=True, metadata={"example": 3})


class JoinIn(RequestSchema):
    """The cart to move into this one: a guest's with its access token, your own without."""

    cart_id = fields.UUID(required=True)
    access_token = Text(1, 200, allow_none=True, load_default=None)


class CheckoutIn(orders.CheckoutFields):
    """What an order needs besides the cart."""

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Checkout:
        return Checkout(**data)


class CartLineOut(ma.Schema):
    """A line at current prices; prices are null if there is a `problem`."""

    id = fields.UUID()
    item_id = fields.UUID()
    quantity = fields.Integer()
    option_ids = fields.List(fields.String())
    notes = fields.String(allow_none=True)
    name = fields.String(allow_none=True, metadata={"example": "Pelmeni"})
    unit_price = fields.Integer(allow_none=True)
    options = fields.List(fields.Nested(orders.ChosenOptionOut))
    total = fields.Integer(allow_none=True)
    problem = fields.String(
        allow_none=True,
        metadata={"description": "why it cannot be ordered at the moment", "example": None},
    )


class CartOut(ma.Schema):
    """A cart. All amounts are minor units of `currency`, and may change until it is ordered."""

    id = fields.UUID()
    revision = fields.Integer()
    state = fields.Enum(CartState, by_value=True)
    successor = fields.UUID(
        allow_none=True, metadata={"description": "the order or the cart that this one has become"}
    )
    user_id = fields.UUID(allow_none=True)
    items = fields.List(fields.Nested(CartLineOut))
    subtotal = fields.Integer(metadata={"description": "the sum of the lines without a problem"})
    currency = fields.String(metadata={"example": "EUR"})
    expires_at = fields.DateTime()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class OpenedOut(CartOut):
    """A new cart, with the token that gives access to this cart only."""

    access_token = fields.String()


class CartPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(CartOut))
    next_cursor = fields.String(allow_none=True)
