"""Areas, tables and reservations as clients send and see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import Email, Phone, QueryInt, RecordId, RequestSchema
from blueprints.http.request_schemas import request_schema, with_all_optional
from blueprints.http.responses import PageQuery
from dinerapp.reservations.model import Area, DiningTable, Reservation

AreaIn = request_schema(Area, "name position notes")
TableIn = request_schema(
    DiningTable, "name seats x y active stay_minutes notes", area_id=RecordId(required=True)
)
ReservationIn = request_schema(
    Reservation,
    "name party_size starts_at notes",
    phone=Phone(1, 40, required=True, metadata={"example": "+49 30 1234567"}),
    email=Email(allow_none=True),
    table_id=RecordId(metadata={"description": "only staff may choose the table"}),
)
ReservationChanges = with_all_optional(
    request_schema(Reservation, "party_size starts_at status reason", table_id=RecordId())
)


class DayQuery(PageQuery):
    """A business day, today if left out."""

    date = fields.Date(load_default=None)


class FreeQuery(RequestSchema):
    """A business day, today if left out, and the size of the party."""

    date = fields.Date(load_default=None)
    party = QueryInt(1, 100, required=True, metadata={"example": 4})


class FreeTimes(ma.Schema):
    """The times of the day, and how many tables are free for the party at each."""

    items = fields.List(fields.Nested({"starts_at": fields.DateTime(), "tables": fields.Integer()}))
