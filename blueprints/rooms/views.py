"""Messages as JSON."""

from __future__ import annotations

from typing import Any

from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import ReadMarker


def message_view(message: Message, author: str) -> dict[str, Any]:
    """A message with its author's name; without content if it was removed."""
    gone = message.is_removed
    return {
        "id": message.id,
        "revision": message.version.revision,
        "room_id": message.room_id,
        "author": {"id": message.author_id, "name": author},
        "content": "" if gone else message.content,
        "file_url": None if gone else message.file_url,
        "order_id": None if gone else message.order_id,
        "edited": message.edits > 0,
        "deleted": gone,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    }


def read_view(read: ReadMarker) -> dict[str, Any]:
    """How far a user has read."""
    return {
        "room_id": read.room_id,
        "user_id": read.user_id,
        "revision": read.version.revision,
        "message_id": read.message_id,
        "updated_at": read.updated_at,
    }
