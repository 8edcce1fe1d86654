"""Coupons as managers see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Money, RequestSchema, StrictBool, StrictInt, Text, UtcDateTime

MAX_USES = 10**6


class CouponChanges(RequestSchema):
    """The fields of a coupon that can be changed; all are optional. The code cannot."""

    description = Text(0, 500)
    percent = StrictInt(1, 10_000, allow_none=True, metadata={"description": "1000 is 10 %"})
    amount = Money(1, allow_none=True)
    minimum = Money()
    starts_at = UtcDateTime(allow_none=True)
    ends_at = UtcDateTime(allow_none=True)
    max_uses = StrictInt(0, MAX_USES, allow_none=True)
    active = StrictBool()


class CouponIn(CouponChanges):
    """A new coupon: either `percent` or `amount`, never both."""

    code = Text(1, 50, required=True, metadata={"example": "WELCOME"})
    percent = StrictInt(
        1, 10_000, allow_none=True, metadata={"description": "1000 is 10 %", "example": 1000}
    )


class CouponOut(ma.Schema):
    """A coupon, and how many orders have used it."""

    id = fields.UUID()
    revision = fields.Integer()
    code = fields.String(metadata={"example": "WELCOME"})
    description = fields.String()
    percent = fields.Integer(allow_none=True)
    amount = fields.Integer(allow_none=True)
    minimum = fields.Integer()
    starts_at = fields.DateTime(allow_none=True)
    ends_at = fields.DateTime(allow_none=True)
    max_uses = fields.Integer(allow_none=True)
    active = fields.Boolean()
    uses = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class CouponPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(CouponOut))
    next_cursor = fields.String(allow_none=True)
