"""How far somebody has read a room."""

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
class Read(Record):
    """Up to a message, which is named with its time: that is its place in the room."""

    room_id: str
    user_id: str
    message_id: str
    message_at: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """Where that is, as places in a room are compared."""
        return self.message_at, self.message_id

    def moved(self, to: Message, *, op_id: str, now: datetime) -> Read:
        """Up to that message, unless it is further already."""
        if (to.created_at, to.id) <= self.place:
            return self
        return self.with_changes(op_id=op_id, now=now, message_id=to.id, message_at=to.created_at)


def read_id(room_id: str, user_id: str) -> str:
    """The one place that somebody has reached in a room."""
    return derived_id("read", room_id, user_id)


def merge_reads(one: Read, other: Read, _policy: MergePolicy) -> MergeResult[Read]:
    """The one that is further."""
    return MergeResult(max(one, other, key=_progress))


def _progress(read: Read) -> tuple[object, ...]:
    return *read.place, read.updated_at, read.op_id, digest(read)


READS = Kind("reads", Read, merge=merge_reads)
