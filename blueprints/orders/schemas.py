"""Orders as clients send and see them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import (
    BoundedList,
    Email,
    Money,
    Phone,
    RecordId,
    RequestSchema,
    StrictInt,
    Text,
    UtcDateTime,
)
from blueprints.http.responses import PageQuery
from dinerapp.ordering.domain.orders import Fulfilment, FulfilmentType, OrderContact, Status
from dinerapp.ordering.domain.payments import Method, PaymentStatus
from dinerapp.ordering.domain.pricing import LineRequest
from dinerapp.ordering.services.orders import LineChanges, NewOrder
from dinerapp.ordering.services.till import NewPayment, NewRefund

MAX_LINES = 200
MAX_QUANTITY = 1000


class CustomerIn(RequestSchema):
    """The person who orders."""

    name = Text(1, 200, required=True, metadata={"example": "Ada"})
    phone = Phone(1, 40, required=True, metadata={"example": "+49 30 1234567"})
    email = Email(allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> OrderContact:
        return OrderContact(**data)


class FulfilmentIn(RequestSchema):
    """How the food reaches the guest; dine-in requires a table, delivery an address."""

    type = fields.Enum(FulfilmentType, by_value=True, required=True)
    table = Text(1, 50, allow_none=True, metadata={"example": "12"})
    address = Text(1, 500, allow_none=True)
    scheduled_for = UtcDateTime(allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> Fulfilment:
        needed = {FulfilmentType.DINE_IN: "table", FulfilmentType.DELIVERY: "address"}
        name = needed.get(data["type"])
        if name is not None and not data.get(name):
            raise ma.ValidationError(f"is required for {data['type']}", name)
        return Fulfilment(**data)


class WantedIn(RequestSchema):
    """One line to order: ids and a quantity, never a price."""

    item_id = fields.UUID(required=True)
    quantity = StrictInt(1, MAX_QUANTITY, required=True, metadata={"example": 2})
    options = BoundedList(Text(1, 64), 0, 50, load_default=list)
    notes = Text(0, 500, allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> LineRequest:
        return LineRequest(
            **{**data, "item_id": str(data["item_id"]), "options": tuple(data["options"])}
        )


class CheckoutFields(RequestSchema):
    """The customer, and how the food reaches them."""

    customer = fields.Nested(CustomerIn, required=True)
    fulfilment = fields.Nested(FulfilmentIn, required=True)
    tip = Money(load_default=0)
    coupon = Text(1, 50, allow_none=True)
    notes = Text(0, 1000, allow_none=True)


class OrderIn(CheckoutFields):
    """A new order."""

    items = BoundedList(fields.Nested(WantedIn), 1, MAX_LINES, required=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> NewOrder:
        return NewOrder(**data)


class StatusChange(RequestSchema):
    """The next status of an order."""

    status = fields.Enum(
        Status, by_value=True, required=True, metadata={"example": Status.CONFIRMED.value}
    )
    reason = Text(1, 500, allow_none=True, load_default=None)


class Cancellation(RequestSchema):
    """Why the order is cancelled."""

    reason = Text(
        1, 500, allow_none=True, load_default=None, metadata={"example": "they have gone home"}
    )


class OrderChanges(RequestSchema):
    """Lines to add, and new quantities of existing lines by their ids; 0 removes a line."""

    add = BoundedList(fields.Nested(WantedIn), 0, MAX_LINES, load_default=list)
    quantities = fields.Dict(
        keys=fields.UUID(error_messages={"invalid_uuid": "must be the id of a line"}),
        values=StrictInt(0, MAX_QUANTITY),
        load_default=dict,
        metadata={"example": {"01a1fd5b-738a-8340-82a6-7288b9785b65": 3}},
    )

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> LineChanges:
        if not data["add"] and not data["quantities"]:
            raise ma.ValidationError("must have at least one entry in add or quantities")
        quantities = {str(line_id): number for line_id, number in data["quantities"].items()}
        return LineChanges(added=tuple(data["add"]), quantities=quantities)


class PaymentIn(RequestSchema):
    """A payment. Without an amount it is the cost of the lines, or all that is left to pay.

    `tip` is added to the amount. `given` is the cash handed over; the change is computed from it.
    """

    method = fields.Enum(Method, by_value=True, required=True)
    amount = Money(1, allow_none=True, metadata={"example": 950})
    line_ids = BoundedList(fields.UUID(), 0, MAX_LINES, load_default=list)
    tip = Money(load_default=0)
    given = Money(allow_none=True)
    reference = Text(1, 200, allow_none=True, metadata={"description": "from the card terminal"})
    till_id = fields.UUID(allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> NewPayment:
        if data.get("amount") is not None and data["line_ids"]:
            raise ma.ValidationError("must not be given together with line_ids", "amount")
        if data.get("given") is not None and data["method"] is not Method.CASH:
            raise ma.ValidationError("is for cash payments only", "given")
        lines = tuple(str(line_id) for line_id in data.pop("line_ids"))
        till_id = data.pop("till_id", None)
        return NewPayment(**data, line_ids=lines, till_id=till_id and str(till_id))


class RefundIn(RequestSchema):
    """A refund of one payment, by the method it was paid with."""

    payment_id = fields.UUID(required=True)
    amount = Money(1, required=True, metadata={"example": 950})
    reason = Text(1, 500, required=True, metadata={"example": "it was cold"})
    till_id = fields.UUID(allow_none=True)

    @ma.post_load
    def make(self, data: dict[str, Any], **_: Any) -> NewRefund:
        till_id = data.pop("till_id", None)
        payment_id = str(data.pop("payment_id"))
        return NewRefund(**data, payment_id=payment_id, till_id=till_id and str(till_id))


class TableChange(RequestSchema):
    """Another table."""

    table = Text(1, 50, required=True, metadata={"example": "12"})


class MergeIn(RequestSchema):
    """The order to pay with this one; it is at the same table."""

    order_id = RecordId(required=True)


class LookupQuery(RequestSchema):
    """What a guest needs to find an order."""

    phone = Phone(1, 40, required=True)
    code = Text(1, 20, required=True, metadata={"example": "76MM"})


class SlotsQuery(RequestSchema):
    """The business day whose slots to list."""

    date = fields.Date(
        load_default=None, metadata={"description": "today if left out", "example": "2036-05-01"}
    )


class SlotIn(RequestSchema):
    """How many scheduled orders one slot takes; 0 closes it."""

    starts_at = UtcDateTime(required=True)
    capacity = StrictInt(0, 100_000, required=True, metadata={"example": 8})
    notes = Text(0, 500, load_default="", metadata={"example": "a party of 40 at 19:00"})


class SlotOut(ma.Schema):
    """A time that orders can be scheduled for."""

    starts_at = fields.DateTime()
    capacity = fields.Integer(allow_none=True, metadata={"description": "null means no limit"})
    left = fields.Integer(allow_none=True)


class PlannedSlotOut(SlotOut):
    """A slot as managers see it."""

    id = fields.UUID()
    revision = fields.Integer()
    notes = fields.String()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class Slots(ma.Schema):
    """The remaining slots of a day."""

    minutes = fields.Integer(metadata={"description": "length of a slot", "example": 15})
    items = fields.List(fields.Nested(SlotOut))


class OrdersQuery(PageQuery):
    """Filters for orders."""

    status = fields.Enum(Status, by_value=True, load_default=None)
    phone = Phone(1, 40, load_default=None)
    since = UtcDateTime(load_default=None)
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


class PaymentOut(ma.Schema):
    """A payment, or a refund with a negative amount."""

    id = fields.UUID()
    method = fields.Enum(Method, by_value=True)
    amount = fields.Integer(metadata={"description": "including the tip, without the change"})
    tip = fields.Integer()
    given = fields.Integer(allow_none=True)
    change = fields.Integer()
    reference = fields.String(allow_none=True)
    line_ids = fields.List(fields.UUID())
    refund_of = fields.UUID(allow_none=True)
    reason = fields.String(allow_none=True)
    at = fields.DateTime()


class BillPartOut(ma.Schema):
    """An order on the bill of another one."""

    order_id = fields.UUID()
    code = fields.String(metadata={"example": "76MM"})
    outstanding = fields.Integer(metadata={"description": "what it adds to the bill"})


class OrderOut(ma.Schema):
    """An order. All amounts are minor units of `currency`."""

    id = fields.UUID()
    code = fields.String(
        metadata={"description": "short, for people to say; not unique", "example": "76MM"}
    )
    revision = fields.Integer()
    status = fields.Enum(Status, by_value=True)
    payment_status = fields.Enum(PaymentStatus, by_value=True)
    customer = fields.Nested(CustomerOut)
    fulfilment = fields.Nested(FulfilmentOut)
    items = fields.List(fields.Nested(LineOut))
    payments = fields.List(fields.Nested(PaymentOut))
    notes = fields.String(allow_none=True)
    coupon = fields.String(allow_none=True)
    subtotal = fields.Integer()
    discount = fields.Integer()
    service_charge = fields.Integer()
    tax = fields.Integer()
    tip = fields.Integer()
    total = fields.Integer()
    outstanding = fields.Integer(
        metadata={"description": "what is left to pay, with the orders merged into this one"}
    )
    merged_into = fields.UUID(
        allow_none=True, metadata={"description": "the order with which this one is paid"}
    )
    merged = fields.List(
        fields.Nested(BillPartOut),
        metadata={"description": "the orders that are paid with this one"},
    )
    currency = fields.String(metadata={"example": "EUR"})
    history = fields.List(fields.Nested(EventOut))
    user_id = fields.UUID(allow_none=True, metadata={"description": "the account that placed it"})
    erased_at = fields.DateTime(
        allow_none=True, metadata={"description": "when the customer's personal data was erased"}
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class History(ma.Schema):
    """The status history of an order."""

    items = fields.List(fields.Nested(EventOut))


class PlacedOut(OrderOut):
    """A new order, with the token that reads and cancels this order only."""

    access_token = fields.String()


class OrderPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(OrderOut))
    next_cursor = fields.String(allow_none=True)
