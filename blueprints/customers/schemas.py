"""Customers as staff see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Email, Phone, RequestSchema, Text
from blueprints.http.responses import PageQuery


class CustomersQuery(PageQuery):
    """Filters for customers."""

    phone = Phone(1, 40, load_default=None)
    email = Text(1, 254, load_default=None, metadata={"example": "ada@example.org"})


class CustomerChanges(RequestSchema):
    """The fields of a customer that can be changed; all are optional. The telephone number
    identifies the customer and cannot."""

    name = Text(1, 200, metadata={"example": "Ada"})
    email = Email(allow_none=True)
    notes = Text(0, 2000, metadata={"example": "sits by the window"})


class KnownCustomerOut(ma.Schema):
    """A person who has ordered."""

    id = fields.UUID()
    revision = fields.Integer()
    phone = fields.String(
        metadata={"description": "in international format", "example": "+49301234567"}
    )
    name = fields.String(metadata={"example": "Ada"})
    email = fields.String(allow_none=True, metadata={"example": "ada@example.org"})
    notes = fields.String(metadata={"description": "for staff"})
    first_seen = fields.DateTime(metadata={"description": "their first order"})
    last_seen = fields.DateTime(metadata={"description": "the day of their latest order"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class CustomerPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(KnownCustomerOut))
    next_cursor = fields.String(allow_none=True)
