"""The live stream of a room as server-sent events."""

from __future__ import annotations

from functools import partial

from flask import Response

from blueprints.http import sse
from blueprints.rooms.views import message_view
from dinerapp.accounts.domain.permissions import Caller
from dinerapp.messaging.services.display_names import DisplayNames
from dinerapp.messaging.services.messages import MessageService
from dinerapp.messaging.services.room_feed import EphemeralEvent, MessageUpdate, ResumeToken

STREAM_DOCUMENTATION = sse.stream_documentation(
    'id: AZrKm9cI…\nevent: message\ndata: {"id": "…"}\n\n'
)


def stream_response(
    messages: MessageService, names: DisplayNames, caller: Caller, room_id: str
) -> Response:
    """A response that stays open for as long as the client listens and has access to the room."""
    return sse.stream_response(
        partial(messages.stream, caller, room_id),
        ResumeToken.parse,
        partial(_format_update, names),
        messages.can_watch,
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
