"""Read markers: how far a user has read a room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dinerapp.messaging.domain.messages import Message
from dinerapp.replication.codec import digest
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMarker(Record):
    """A read marker names the latest message that was read, with its time."""

    room_id: str
    user_id: str
    message_id: str
    message_at: datetime

    @property
    def position(self) -> tuple[datetime, str]:
        """The position of the message, in the form in which positions are compared."""
        return self.message_at, self.message_id

    def with_message(self, message: Message, *, op_id: str, now: datetime) -> ReadMarker:
        """Moves the marker forward to that message; never back."""
        if (message.created_at, message.id) <= self.position:
            return self
        return self.with_changes(
            op_id=op_id, now=now, message_id=message.id, message_at=message.created_at
        )


def read_marker_id(room_id: str, user_id: str) -> str:
    """The id of a user's read marker in a room."""
    return derived_id("read", room_id, user_id)


def merge_read_markers(
    first: ReadMarker, second: ReadMarker, _policy: MergePolicy
) -> MergeResult[ReadMarker]:
    """The marker that is further."""
    return MergeResult(max(first, second, key=_progress))


def _progress(marker: ReadMarker) -> tuple[object, ...]:
    return *marker.position, marker.updated_at, marker.op_id, digest(marker)


READ_MARKERS = Kind("reads", ReadMarker, merge=merge_read_markers)
