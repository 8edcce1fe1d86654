"""Servers, members and channels as JSON."""

from __future__ import annotations

from typing import Any

from blueprints.http.responses import public_fields
from dinerapp.messaging.domain.members import Member, MemberPermission
from dinerapp.messaging.domain.servers import Channel
from dinerapp.messaging.services.servers import ServerView


def server_view(server: ServerView) -> dict[str, Any]:
    """A server, with its invite code if the caller may see it."""
    code = server.server.invite_code if server.member.may(MemberPermission.INVITE) else None
    return public_fields(server.server) | {"invite_code": code, "role": server.member.role}


def channel_view(channel: Channel) -> dict[str, Any]:
    """One channel."""
    return public_fields(channel) | {"general": channel.is_general}


def member_view(member: Member, name: str) -> dict[str, Any]:
    """A member with their display name."""
    return {
        "user_id": member.user_id,
        "revision": member.version.revision,
        "server_id": member.server_id,
        "name": name,
        "role": member.role,
        "joined_at": member.joined_at,
    }
