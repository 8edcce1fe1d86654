"""/api/rooms: messages in channels and conversations"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.headers import LAST_EVENT_ID
from blueprints.http.rate_limits import RateLimit
from blueprints.http.responses import (
    PageQuery,
    delete_response,
    if_match,
    json_response,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.rooms.schemas import (
    MessageChanges,
    MessageIn,
    MessageOut,
    MessagePage,
    ReadIn,
    ReadOut,
    ReadPage,
    UnreadList,
)
from blueprints.rooms.stream import STREAM_DOCUMENTATION, stream_response
from blueprints.rooms.views import message_view, read_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.messaging.container import MessagingServices
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.services.messages import NewMessage
from dinerapp.replication.saving import WriteResult

services = services_of(MessagingServices)

blp = Blueprint(
    "rooms", __name__, url_prefix="/api/rooms", description="Messages in channels and conversations"
)


@blp.get("/unread")
@blp.allows(Permission.USE_ROOMS)
@blp.response(200, UnreadList)
def list_unread() -> Response:
    """How many messages you have not read, by room

    Counts messages of others that are not deleted. At most the newest 500 conversations and the
    oldest 500 channels are listed; `truncated` says whether there are more.
    """
    page = services().read_markers.unread(caller())
    items = [
        {"room_id": each.room_id, "kind": each.kind, "unread": each.count} for each in page.rooms
    ]
    return json_response({"items": items, "truncated": page.truncated})


@blp.get("/<uuid:room_id>/messages")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, MessagePage)
def list_messages(query: dict[str, Any], room_id: UUID) -> Response:
    """Messages in a room, newest first

    The room is a channel or a conversation. Deleted messages stay in the list without content.
    """
    cursor, limit = parse_cursor(query["cursor"]), query["limit"]
    page = services().messages.page(caller(), str(room_id), cursor, limit)
    names = services().display_names.of([message.author_id for message in page.items])
    return page_response(page, lambda message: message_view(message, names[message.author_id]))


@blp.post("/<uuid:room_id>/messages")
@blp.allows(Permission.USE_ROOMS)
@blp.rate_limit(RateLimit.MESSAGE)
@blp.arguments(MessageIn)
@blp.creates(MessageOut)
def send_message(new: NewMessage, room_id: UUID) -> Response:
    """Send a message

    The content is stored as it is sent and never interpreted. With an `Idempotency-Key` the request
    can be repeated until a response arrives: the message is sent once. Channel messages are kept
    in one database only and are refused with 503 while it is down.
    """
    op = operation(f"rooms.send {room_id} {caller().user_id}")
    result = services().messages.send(caller(), str(room_id), op, new)
    return _message_response(result, f"/api/rooms/{room_id}/messages/{result.record.id}")


@blp.get("/<uuid:room_id>/messages/<uuid:message_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.reads(MessageOut)
def read_message(room_id: UUID, message_id: UUID) -> Response:
    """One message"""
    message = services().messages.get(caller(), str(room_id), str(message_id))
    return record_response(message, _view(message))


@blp.patch("/<uuid:room_id>/messages/<uuid:message_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(MessageChanges)
@blp.changes(MessageOut)
def edit_message(given: dict[str, Any], room_id: UUID, message_id: UUID) -> Response:
    """Edit a message; only its author may"""
    op = operation(f"rooms.edit {message_id}")
    result = services().messages.edit(
        caller(), str(room_id), str(message_id), op, given["content"], if_match()
    )
    return _message_response(result)


@blp.delete("/<uuid:room_id>/messages/<uuid:message_id>")
@blp.allows(Permission.USE_ROOMS)
@blp.removes()
def remove_message(room_id: UUID, message_id: UUID) -> Response:
    """Delete a message; its author may, and in channels moderators and admins"""
    op = operation(f"rooms.remove {message_id}")
    return delete_response(
        services().messages.remove(caller(), str(room_id), str(message_id), op, if_match())
    )


@blp.get("/<uuid:room_id>/reads")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, ReadPage)
def list_reads(query: dict[str, Any], room_id: UUID) -> Response:
    """How far each member has read a room"""
    cursor, limit = parse_cursor(query["cursor"]), query["limit"]
    return page_response(
        services().read_markers.page(caller(), str(room_id), cursor, limit), read_view
    )


@blp.put("/<uuid:room_id>/read")
@blp.allows(Permission.USE_ROOMS)
@blp.arguments(ReadIn)
@blp.changes(ReadOut, if_match=False)
def mark_read(given: dict[str, Any], room_id: UUID) -> Response:
    """Mark a room as read up to a message; the mark never moves back"""
    op = operation(f"rooms.read {room_id} {caller().user_id}")
    result = services().read_markers.mark_read(caller(), str(room_id), op, str(given["message_id"]))
    return write_response(result, read_view(result.record))


@blp.post("/<uuid:room_id>/typing")
@blp.allows(Permission.USE_ROOMS)
@blp.response(204)
def notice_typing(room_id: UUID) -> Response:
    """Tell the others in the room that you are typing

    They are notified at most once a second, and only while they have the room's stream open.
    """
    services().messages.announce_typing(caller(), str(room_id))
    return Response(status=204)


@blp.get("/<uuid:room_id>/stream")
@blp.allows(Permission.USE_ROOMS)
@blp.doc(parameters=[LAST_EVENT_ID], responses={200: STREAM_DOCUMENTATION})
def stream_room(room_id: UUID) -> Response:
    """Stream the messages of a room (server-sent events)

    Each `message` event is a message as `GET /api/rooms/{room_id}/messages/{message_id}` returns
    it, in its latest state: new, edited or deleted. A new stream begins with the changes of the
    last ten seconds. A stream opened with the `Last-Event-ID` of an earlier one resumes there:
    every change since then is sent once, including those that arrive late after an outage, and no
    `revision` is sent twice. If too much has changed, the stream begins with a `reset` event:
    reload the list then. `typing` and `read` events are about others in the room; they have no id
    and are not repeated. The stream ends when you lose access to the room.
    """
    return stream_response(services().messages, services().display_names, caller(), str(room_id))


def _view(message: Message) -> dict[str, Any]:
    return message_view(
        message, services().display_names.of([message.author_id])[message.author_id]
    )


def _message_response(result: WriteResult[Message], location: str | None = None) -> Response:
    return write_response(result, _view(result.record), location)
