"""Servers, their members and their channels as clients send and see them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import HttpUrl, RequestSchema, Text
from dinerapp.messaging.domain.members import MemberRole

_IMAGE_METADATA = {"example": "https://example.org/diner.png"}
_CODE_METADATA = {"example": "n3S9xqTBvRyGm0rQ1h2JdA"}


class ServerChanges(RequestSchema):
    """The fields of a server that can be changed; all are optional."""

    name = Text(1, 100, metadata={"example": "Diner at the station"})
    image_url = HttpUrl(allow_none=True, metadata=_IMAGE_METADATA)


class ServerIn(ServerChanges):
    """A new server."""

    name = Text(1, 100, required=True, metadata={"example": "Diner at the station"})


class ServerOut(ma.Schema):
    """A server as one of its members sees it."""

    id = fields.UUID()
    revision = fields.Integer()
    name = fields.String(metadata={"example": "Diner at the station"})
    image_url = fields.String(allow_none=True, metadata=_IMAGE_METADATA)
    owner_id = fields.UUID()
    role = fields.Enum(
        MemberRole, by_value=True, metadata={"description": "your role in the server"}
    )
    invite_code = fields.String(
        allow_none=True, metadata={"description": "for admins of the server only", **_CODE_METADATA}
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ServerPage(ma.Schema):
    """One page, latest joined first."""

    items = fields.List(fields.Nested(ServerOut))
    next_cursor = fields.String(allow_none=True)


class Invitation(RequestSchema):
    """The invite code of a server."""

    code = Text(1, 100, required=True, metadata=_CODE_METADATA)


class ChannelChanges(RequestSchema):
    """The fields of a channel that can be changed."""

    name = Text(1, 100, metadata={"example": "kitchen"})


class ChannelIn(RequestSchema):
    """A new channel."""

    name = Text(1, 100, required=True, metadata={"example": "kitchen"})


class ChannelOut(ma.Schema):
    """A channel. Its id is the id of a room."""

    id = fields.UUID()
    revision = fields.Integer()
    server_id = fields.UUID()
    name = fields.String(metadata={"example": "kitchen"})
    general = fields.Boolean(
        metadata={"description": "whether it is the channel that every server has"}
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class ChannelPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(ChannelOut))
    next_cursor = fields.String(allow_none=True)


class RoleChange(RequestSchema):
    """The new role of a member."""

    role = fields.Enum(MemberRole, by_value=True, required=True)


class MemberOut(ma.Schema):
    """A member of a server."""

    user_id = fields.UUID()
    revision = fields.Integer()
    server_id = fields.UUID()
    name = fields.String(metadata={"example": "Ada"})
    role = fields.Enum(MemberRole, by_value=True)
    joined_at = fields.DateTime()


class MemberPage(ma.Schema):
    """One page, newest first."""

    items = fields.List(fields.Nested(MemberOut))
    next_cursor = fields.String(allow_none=True)
