"""Coupons as managers see them."""

from __future__ import annotations

from marshmallow import fields

from blueprints.http.fields import Money, RequestSchema, StrictBool, StrictInt, Text, UtcDateTime
from blueprints.http.record_schemas import page_schema, schema_of
from dinerapp.ordering.domain.coupons import COUPONS

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


CouponOut = schema_of(
    COUPONS,
    "CouponOut",
    "A coupon, and how many orders have used it.",
    about={"code": {"example": "WELCOME"}},
    more={"uses": fields.Integer()},
)
CouponPage = page_schema(CouponOut, "CouponPage")
