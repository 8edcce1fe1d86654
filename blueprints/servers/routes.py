"""/api/servers, with their channels and members"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    PageQuery,
    delete_response,
    if_match,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.servers.schemas import (
    ChannelChanges,
    ChannelIn,
    ChannelOut,
    ChannelPage,
    Invitation,
    MemberOut,
    MemberPage,
    RoleChange,
    ServerChanges,
    ServerIn,
    ServerOut,
    ServerPage,
)
from blueprints.servers.views import channel_view, member_view, server_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.messaging.container import MessagingServices
from dinerapp.messaging.domain.servers import Server
from dinerapp.messaging.services.servers import ServerView
from dinerapp.replication.saving import WriteResult

services = services_of(MessagingServices)

blp = Blueprint(
    "servers",
    __name__,
    url_prefix="/api/servers",
    description="Servers: restaurants or branches, with their channels and members",
)


@blp.post("")
@blp.allows(Permission.MAKE_SERVERS)
@blp.arguments(ServerIn)
@blp.creates(ServerOut)
def add_server(given: dict[str, Any]) -> Response:
    """Create a server with its general channel; you become its owner"""
    result = services().servers.add(caller(), operation(f"servers.add {caller().user_id}"), given)
    return _server_response(result, location=f"/api/servers/{result.record.id}")


@blp.get("")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, ServerPage)
def list_servers(query: dict[str, Any]) -> Response:
    """Your servers, latest joined first"""
    page, members = services().servers.page(caller(), parse_cursor(query["cursor"]), query["limit"])
    return page_response(page, lambda server: server_view(ServerView(server, members[server.id])))


@blp.post("/join")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(Invitation)
@blp.changes(ServerOut, if_match=False)
def join_server(given: dict[str, Any]) -> Response:
    """Join a server with its invite code

    If you are already a member, your role stays. If you were kicked, you need an invite code that
    was renewed since then.
    """
    op = operation(f"servers.join {caller().user_id}")
    return _server_response(services().servers.join(caller(), op, given["code"]))


@blp.get("/<uuid:server_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.reads(ServerOut)
def read_server(server_id: UUID) -> Response:
    """One server"""
    seen = services().servers.get(caller(), str(server_id))
    return record_response(seen.server, server_view(seen), seen.member.role)


@blp.patch("/<uuid:server_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(ServerChanges)
@blp.changes(ServerOut)
def change_server(given: dict[str, Any], server_id: UUID) -> Response:
    """Change a server; its admins may"""
    op = operation(f"servers.change {server_id}")
    return _server_response(
        services().servers.change(caller(), str(server_id), op, given, if_match())
    )


@blp.delete("/<uuid:server_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.removes()
def remove_server(server_id: UUID) -> Response:
    """Remove a server with its channels; its admins may"""
    op = operation(f"servers.remove {server_id}")
    return delete_response(services().servers.remove(caller(), str(server_id), op, if_match()))


@blp.post("/<uuid:server_id>/invite")
@blp.allows(Permission.USE_ROOMS)
@blp.changes(ServerOut, if_match=False)
def renew_invite(server_id: UUID) -> Response:
    """Renew the invite code; the previous one stops working at once"""
    op = operation(f"servers.invite {server_id}")
    return _server_response(services().servers.renew_invite(caller(), str(server_id), op))


@blp.get("/<uuid:server_id>/channels")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, ChannelPage)
def list_channels(query: dict[str, Any], server_id: UUID) -> Response:
    """A server's channels, newest first"""
    cursor, limit = parse_cursor(query["cursor"]), query["limit"]
    return page_response(
        services().servers.channels(caller(), str(server_id), cursor, limit), channel_view
    )


@blp.post("/<uuid:server_id>/channels")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(ChannelIn)
@blp.creates(ChannelOut)
def add_channel(given: dict[str, Any], server_id: UUID) -> Response:
    """Add a channel; admins and moderators of the server may"""
    op = operation(f"servers.add_channel {server_id}")
    result = services().servers.add_channel(caller(), str(server_id), op, given)
    location = f"/api/servers/{server_id}/channels/{result.record.id}"
    return write_response(result, channel_view(result.record), location)


@blp.get("/<uuid:server_id>/channels/<uuid:channel_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.reads(ChannelOut)
def read_channel(server_id: UUID, channel_id: UUID) -> Response:
    """One channel"""
    channel = services().servers.channel(caller(), str(server_id), str(channel_id))
    return record_response(channel, channel_view(channel))


@blp.patch("/<uuid:server_id>/channels/<uuid:channel_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(ChannelChanges)
@blp.changes(ChannelOut)
def change_channel(given: dict[str, Any], server_id: UUID, channel_id: UUID) -> Response:
    """Rename a channel; the general one keeps its name"""
    op = operation(f"servers.change_channel {channel_id}")
    result = services().servers.change_channel(
        caller(), str(server_id), str(channel_id), op, given, if_match()
    )
    return write_response(result, channel_view(result.record))


@blp.delete("/<uuid:server_id>/channels/<uuid:channel_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.removes()
def remove_channel(server_id: UUID, channel_id: UUID) -> Response:
    """Remove a channel; the general one stays"""
    op = operation(f"servers.remove_channel {channel_id}")
    return delete_response(
        services().servers.remove_channel(caller(), str(server_id), str(channel_id), op, if_match())
    )


@blp.get("/<uuid:server_id>/members")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, MemberPage)
def list_members(query: dict[str, Any], server_id: UUID) -> Response:
    """Members of a server, newest first"""
    cursor, limit = parse_cursor(query["cursor"]), query["limit"]
    page = services().servers.members(caller(), str(server_id), cursor, limit)
    names = services().display_names.of([member.user_id for member in page.items])
    return page_response(page, lambda member: member_view(member, names[member.user_id]))


@blp.patch("/<uuid:server_id>/members/<uuid:user_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(RoleChange)
@blp.changes(MemberOut)
def change_member(given: dict[str, Any], server_id: UUID, user_id: UUID) -> Response:
    """Change a member's role; admins of the server may"""
    op = operation(f"servers.change_member {server_id} {user_id}")
    result = services().servers.change_role(
        caller(), str(server_id), str(user_id), op, given["role"], if_match()
    )
    return write_response(
        result,
        member_view(result.record, services().display_names.of([str(user_id)])[str(user_id)]),
    )


@blp.delete("/<uuid:server_id>/members/<uuid:user_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.removes(if_match=False)
def remove_member(server_id: UUID, user_id: UUID) -> Response:
    """Leave a server, or kick a member

    Moderators may kick guests, admins anyone but the owner. A kicked member can return only with
    an invite code that was renewed since then.
    """
    op = operation(f"servers.remove_member {server_id} {user_id}")
    return delete_response(
        services().servers.remove_member(caller(), str(server_id), str(user_id), op)
    )


def _server_response(result: WriteResult[Server], location: str | None = None) -> Response:
    seen: ServerView = services().servers.view(caller(), result.record)
    return write_response(result, server_view(seen), location, seen.member.role)
