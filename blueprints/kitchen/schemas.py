"""Kitchen tickets as cooks see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import BoundedList, RequestSchema, Text
from dinerapp.ordering.domain.orders import FulfilmentType, Status
from dinerapp.ordering.domain.tickets import TicketStatus

MAX_TICKETS = 500


class BoardQuery(RequestSchema):
    """Filter for tickets."""

    station = Text(1, 100, load_default=None, metadata={"example": "kitchen"})


class TicketsIn(RequestSchema):
    """Tickets of one order."""

    tickets = BoundedList(fields.UUID(), 1, MAX_TICKETS, required=True)


class TicketOut(ma.Schema):
    """A quantity of one line to make, or not to make after all."""

    id = fields.UUID()
    line_id = fields.UUID()
    revision = fields.Integer(
        metadata={
            "description": "of the line; negative for a correction after changes in both databases"
        }
    )
    station = fields.String()
    name = fields.String()
    quantity = fields.Integer(metadata={"description": "negative if fewer are wanted"})
    options = fields.List(fields.String())
    notes = fields.String(allow_none=True)
    status = fields.Enum(TicketStatus, by_value=True)
    recalls = fields.Integer()
    fired_at = fields.DateTime()
    accepted_at = fields.DateTime(allow_none=True)
    done_at = fields.DateTime(allow_none=True)


class CookedOrderOut(ma.Schema):
    """An order as the kitchen sees it."""

    order_id = fields.UUID()
    code = fields.String(metadata={"example": "76MM"})
    revision = fields.Integer()
    status = fields.Enum(Status, by_value=True)
    fulfilment = fields.Enum(FulfilmentType, by_value=True)
    table = fields.String(allow_none=True)
    scheduled_for = fields.DateTime(allow_none=True)
    notes = fields.String(allow_none=True)
    placed_at = fields.DateTime()
    waiting_seconds = fields.Integer(metadata={"description": "since the oldest ticket was fired"})
    tickets = fields.List(fields.Nested(TicketOut))


class BoardOut(ma.Schema):
    """Open tickets, oldest order first."""

    items = fields.List(fields.Nested(CookedOrderOut))
