"""Customers as staff see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Email, Phone, RequestSchema, Text
from blueprints.http.responses import PageQuery


class CustomersQuery(PageQuery):
    """Which customers are wanted."""

    phone = Phone(1, 40, load_default=None)
    email = Text(1, 254, load_default=None, metadata={"example": "ada@example.org"})


class CustomerChanges(RequestSchema):
    """What can be changed of a customer; all of it is optional. The number says who they are."""

    name = Text(1, 200, metadata={"example": "Ada"})
    email = Email(allow_none=True)
    notes = Text(0, 2000, metadata={"example": "sits by the window"})


class KnownCustomerOut(ma.Schema):
    """Somebody who has ordered."""

    id = fields.UUID()
    revision = fields.Integer()
    phone = fields.String(
        metadata={"description": "with its country in front", "example": "+49301234567"}
    )
    name = fields.String(metadata={"example": "Ada"})
    email = fields.String(allow_none=True, metadata={"example": "ada@example.org"})
    notes = fields.String(metadata={"description": "for staff"})
    first_seen = fields.DateTime(metadata={"description": "their first order"})
    last_seen = fields.DateTime(metadata={"description": "their latest order, to the day"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class CustomerPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(KnownCustomerOut))
    next_cursor = fields.String(allow_none=True)
