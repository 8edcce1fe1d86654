"""Orders as clients send and see them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.answers import PageQuery
from blueprints.http.fields import Moment, Money, Phone, Schema, Several, Text, Whole
from dinerapp.domain.orders import Customer, Fulfilment, FulfilmentType, PaymentStatus, Status
from dinerapp.domain.pricing import Wanted
from dinerapp.services.orders import NewOrder

MOST_LINES = 200
MOST_OF_ONE = 1000


class CustomerIn(Schema):
    """Who orders."""

    name = Text(1, 200, required=True, metadata={"example": "Ada"})
    phone = Phone(1, 40, required=True, metadata={"example": "+49 30 1234567"})
    email = Text(
        1,
        254,
        allow_none=True,
        validate=validate.Email(error="must be an e-mail address"),
        metadata={"format": "email", "example": "ada@example.org"},
    )

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Customer:
        return Customer(**data)


class FulfilmentIn(Schema):
    """How the food reaches the guest: dine-in needs a table, delivery an address."""

    type = fields.Enum(FulfilmentType, by_value=True, required=True)
    table = Text(1, 50, allow_none=True, metadata={"example": "12"})
    address = Text(1, 500, allow_none=True)
    scheduled_for = Moment(allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Fulfilment:
        needed = {FulfilmentType.DINE_IN: "table", FulfilmentType.DELIVERY: "address"}
        name = needed.get(data["type"])
        if name is not None and not data.get(name):
            raise ma.ValidationError(f"is needed for {data['type']}", name)
        return Fulfilment(**data)


class WantedIn(Schema):
    """One position: ids and a quantity, never a price."""

    item_id = fields.UUID(required=True)
    quantity = Whole(1, MOST_OF_ONE, required=True, metadata={"example": 2})
    options = Several(Text(1, 64), 0, 50, load_default=list)
    notes = Text(0, 500, allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Wanted:
        return Wanted(
            **{**data, "item_id": str(data["item_id"]), "options": tuple(data["options"])}
        )


class OrderIn(Schema):
    """A new order."""

    customer = fields.Nested(CustomerIn, required=True)
    fulfilment = fields.Nested(FulfilmentIn, required=True)
    items = Several(fields.Nested(WantedIn), 1, MOST_LINES, required=True)
    tip = Money(load_default=0)
    coupon = Text(1, 50, allow_none=True)
    notes = Text(0, 1000, allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> NewOrder:
        return NewOrder(**data)


class StatusChange(Schema):
    """A step of an order."""

    status = fields.Enum(
        Status, by_value=True, required=True, metadata={"example": Status.CONFIRMED.value}
    )
    reason = Text(1, 500, allow_none=True, load_default=None)


class Cancellation(Schema):
    """Why an order is called off."""

    reason = Text(
        1, 500, allow_none=True, load_default=None, metadata={"example": "they have gone home"}
    )


class OrdersQuery(PageQuery):
    """Which orders are wanted."""

    status = fields.Enum(Status, by_value=True, load_default=None)
    phone = Phone(1, 40, load_default=None)
    since = Moment(load_default=None)
    fulfilment = fields.Enum(FulfilmentType, by_value=True, load_default=None)


class CustomerOut(ma.Schema):
    name = fields.String(metadata={"example": "Ada"})
    phone = fields.String(metadata={"example": "+49301234567"})
    email = fields.String(allow_none=True, metadata={"example": "ada@example.org"})


class FulfilmentOut(ma.Schema):
    type = fields.Enum(FulfilmentType, by_value=True)
    table = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    scheduled_for = fields.DateTime(allow_none=True)


class ChosenOptionOut(ma.Schema):
    id = fields.String()
    name = fields.String()
    price = fields.Integer()


class LineOut(ma.Schema):
    id = fields.UUID()
    item_id = fields.UUID()
    name = fields.String()
    quantity = fields.Integer()
    unit_price = fields.Integer()
    options = fields.List(fields.Nested(ChosenOptionOut))
    notes = fields.String(allow_none=True)
    total = fields.Integer()


class EventOut(ma.Schema):
    at = fields.DateTime()
    status = fields.Enum(Status, by_value=True)
    actor = fields.String()
    reason = fields.String(allow_none=True)


class OrderOut(ma.Schema):
    """An order. All amounts are minor units of `currency`."""

    id = fields.UUID()
    code = fields.String(
        metadata={"description": "short, for people; not an identity", "example": "76MM"}
    )
    revision = fields.Integer()
    status = fields.Enum(Status, by_value=True)
    payment_status = fields.Enum(PaymentStatus, by_value=True)
    customer = fields.Nested(CustomerOut)
    fulfilment = fields.Nested(FulfilmentOut)
    items = fields.List(fields.Nested(LineOut))
    notes = fields.String(allow_none=True)
    coupon = fields.String(allow_none=True)
    subtotal = fields.Integer()
    discount = fields.Integer()
    service_charge = fields.Integer()
    tax = fields.Integer()
    tip = fields.Integer()
    total = fields.Integer()
    currency = fields.String(metadata={"example": "EUR"})
    history = fields.List(fields.Nested(EventOut))
    user_id = fields.UUID(allow_none=True, metadata={"description": "whose account placed it"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class PlacedOut(OrderOut):
    """A new order, with the token that reads and cancels just this one."""

    access_token = fields.String()


class OrderPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(OrderOut))
    next_cursor = fields.String(allow_none=True)
