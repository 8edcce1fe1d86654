"""Tills as cashiers see them."""

from __future__ import annotations

from marshmallow import fields

from blueprints.http.fields import Money, RequestSchema, Text
from blueprints.http.record_schemas import page_schema, schema_of
from blueprints.http.responses import PageQuery
from dinerapp.ordering.domain.tills import TILLS


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


TillOut = schema_of(
    TILLS,
    "TillOut",
    "A till. `expected` is the cash that should be in it now, or when it was closed.",
    about={"name": {"example": "Bar"}},
)
TillPage = page_schema(
    TillOut, "TillPage", "One page, newest first; `expected` is null while a till is open."
)
