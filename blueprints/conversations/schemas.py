"""Conversations as the two see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import RequestSchema


class ConversationIn(RequestSchema):
    """The user to talk to."""

    user_id = fields.UUID(required=True)


class PersonOut(ma.Schema):
    """A person, by their display name."""

    id = fields.UUID()
    name = fields.String(metadata={"example": "Ada"})


class ConversationOut(ma.Schema):
    """A conversation. Its id is the id of a room."""

    id = fields.UUID()
    revision = fields.Integer()
    people = fields.List(fields.Nested(PersonOut), metadata={"description": "the two participants"})
    started_by = fields.UUID()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ConversationPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(ConversationOut))
    next_cursor = fields.String(allow_none=True)
