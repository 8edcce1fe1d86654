"""The live stream of a room as server-sent events."""

from __future__ import annotations

from functools import partial

from flask import Response, request

from blueprints.http import sse
from blueprints.http.headers import LAST_EVENT_ID
from blueprints.rooms.views import message_view
from dinerapp.accounts.domain.permissions import Caller
from dinerapp.live.feed import CursorExpired
from dinerapp.messaging.services.display_names import DisplayNames
from dinerapp.messaging.services.messages import MessageService
from dinerapp.messaging.services.room_feed import EphemeralEvent, MessageUpdate, ResumeToken
from dinerapp.replication.errors import InvalidRecord

STREAM_DOCUMENTATION = sse.stream_documentation(
    'id: AZrKm9cI…\nevent: message\ndata: {"id": "…"}\n\n'
)


def stream_response(
    messages: MessageService, names: DisplayNames, caller: Caller, room_id: str
) -> Response:
    """A response that stays open for as long as the client listens and has access to the room."""
    resume_token, first = _last_event_id(), sse.RETRY_FIELD
    try:
        stream = messages.stream(caller, room_id, resume_token)
    except CursorExpired:
        stream, first = messages.stream(caller, room_id, None), sse.RETRY_FIELD + sse.RESET_EVENT
    return sse.stream_response(
        stream, first, partial(_format_update, names), lambda: messages.can_watch(stream)
    )


def _format_update(names: DisplayNames, update: MessageUpdate | EphemeralEvent) -> bytes:
    if isinstance(update, EphemeralEvent):
        return sse.format_event(update.name, update.payload)
    author = update.message.author_id
    return sse.format_event(
        "message",
        message_view(update.message, names.of([author])[author]),
        str(update.resume_token),
    )


def _last_event_id() -> ResumeToken | None:
    given = request.headers.get(LAST_EVENT_ID)
    if given is None:
        return None
    try:
        return ResumeToken.parse(given)
    except ValueError:
        raise InvalidRecord(LAST_EVENT_ID, "must be the id of an event from this stream") from None
