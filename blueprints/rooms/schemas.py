"""Messages as they are sent and seen."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.conversations.schemas import PersonOut
from blueprints.http.fields import HttpUrl, RequestSchema, Text
from dinerapp.messaging.domain.messages import MAX_CONTENT_LENGTH, MAX_URL_LENGTH
from dinerapp.messaging.services.messages import NewMessage
from dinerapp.messaging.services.read_markers import MAX_ROOMS, MAX_UNREAD
from dinerapp.messaging.services.rooms import RoomKind

_CONTENT_METADATA = {"example": "Table 7 asks for the bill"}


class MessageIn(RequestSchema):
    """A new message: text, a file, an order, or several of these."""

    content = Text(0, MAX_CONTENT_LENGTH, load_default="", metadata=_CONTENT_METADATA)
    file_url = HttpUrl(MAX_URL_LENGTH, allow_none=True, load_default=None)
    order_id = fields.UUID(
        allow_none=True,
        load_default=None,
        metadata={"description": "an order that the author may see"},
    )

    @ma.post_load
    def make(self, data: dict[str, object], **_: object) -> NewMessage:
        order_id = data.pop("order_id")
        return NewMessage(order_id=str(order_id) if order_id else None, **data)  # type: ignore[arg-type]


class MessageChanges(RequestSchema):
    """The new text of a message."""

    content = Text(1, MAX_CONTENT_LENGTH, required=True, metadata=_CONTENT_METADATA)


class MessageOut(ma.Schema):
    """A message. A deleted one has no content."""

    id = fields.UUID()
    revision = fields.Integer()
    room_id = fields.UUID()
    author = fields.Nested(PersonOut)
    content = fields.String(metadata=_CONTENT_METADATA)
    file_url = fields.String(allow_none=True)
    order_id = fields.UUID(allow_none=True)
    edited = fields.Boolean()
    deleted = fields.Boolean()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class MessagePage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(MessageOut))
    next_cursor = fields.String(allow_none=True)


class ReadIn(RequestSchema):
    """The latest message that was read."""

    message_id = fields.UUID(required=True)


class ReadOut(ma.Schema):
    """How far a user has read a room."""

    room_id = fields.UUID()
    user_id = fields.UUID()
    revision = fields.Integer()
    message_id = fields.UUID()
    updated_at = fields.DateTime()


class ReadPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(ReadOut))
    next_cursor = fields.String(allow_none=True)


class UnreadOut(ma.Schema):
    """How many messages in a room are unread."""

    room_id = fields.UUID()
    kind = fields.Enum(RoomKind, by_value=True)
    unread = fields.Integer(
        allow_none=True,
        metadata={
            "description": f"{MAX_UNREAD} means {MAX_UNREAD} or more; null while unknown",
            "example": 3,
        },
    )


class UnreadList(ma.Schema):
    """Your rooms."""

    items = fields.List(fields.Nested(UnreadOut))
    truncated = fields.Boolean(
        metadata={
            "description": f"whether rooms are left out because there are more than {MAX_ROOMS} "
            "of a kind",
            "example": False,
        }
    )
