"""Tills as cashiers see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Money, RequestSchema, Text
from blueprints.http.responses import PageQuery


class TillIn(RequestSchema):
    """A till to open, with the cash in it."""

    name = Text(1, 100, required=True, metadata={"example": "Bar"})
    opening = Money(required=True, metadata={"example": 20000})


class ClosingIn(RequestSchema):
    """The cash that was counted when closing a till."""

    counted = Money(required=True, metadata={"example": 74350})
    notes = Text(0, 1000, allow_none=True, load_default=None)


class TillsQuery(PageQuery):
    """Filter for tills."""

    open = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


class TillOut(ma.Schema):
    """A till. `expected` is the cash that should be in it now, or when it was closed."""

    id = fields.UUID()
    revision = fields.Integer()
    name = fields.String(metadata={"example": "Bar"})
    opened_by = fields.String()
    opening = fields.Integer()
    closed_at = fields.DateTime(allow_none=True)
    closed_by = fields.String(allow_none=True)
    expected = fields.Integer(allow_none=True)
    counted = fields.Integer(allow_none=True)
    notes = fields.String(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class TillPage(ma.Schema):
    """One page, newest first; `expected` is null while a till is open."""

    items = fields.List(fields.Nested(TillOut))
    next_cursor = fields.String(allow_none=True)
