"""What is said in a room. Never interpreted, and kept as it was sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from dinerapp.replication.codec import digest
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.record import Record

if TYPE_CHECKING:
    from dinerapp.replication.merge import MergePolicy

MAX_CONTENT_LENGTH = 4000
MAX_URL_LENGTH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Record):
    """In a channel or a conversation, whose order is by `created_at` and then by id.

    One that is removed stays where it was and says nothing any more. `edits` counts how often it
    was edited.
    """

    room_id: str
    author_id: str
    content: str = ""
    file_url: str | None = None
    order_id: str | None = None
    edits: int = 0
    edited_at: datetime | None = None
    removed_at: datetime | None = None
    removed_by: str | None = None

    @property
    def is_removed(self) -> bool:
        """Whether it says nothing any more."""
        return self.removed_at is not None

    @property
    def is_erased(self) -> bool:
        """Whether nothing is left of what it said; every other message says something."""
        return self.is_removed and self == _without_content(self)

    def with_content(self, content: str, *, op_id: str, now: datetime) -> Message:
        """It with other words."""
        if self.is_removed:
            raise RuleViolation("a deleted message cannot be edited")
        if content == self.content:
            return self
        after = self.with_changes(op_id=op_id, now=now, content=content, edits=self.edits + 1)
        return replace(after, edited_at=after.updated_at)

    def as_removed(self, removed_by: str, *, op_id: str, now: datetime) -> Message:
        """What is left of it."""
        if self.is_removed:
            return self
        after = self.with_changes(op_id=op_id, now=now, removed_by=removed_by)
        return replace(after, removed_at=after.updated_at)

    def redacted(self, at: datetime) -> Message:
        """What is left of it once its author was forgotten; it stays in its place."""
        if self.is_erased:
            return self
        if self.is_removed:
            return _without_content(self)
        return _without_content(replace(self, removed_at=at, removed_by=self.author_id))


def merge_messages(first: Message, second: Message, _policy: MergePolicy) -> MergeResult[Message]:
    """Once removed is removed, and erased is erased; else the later edit counts. Of two edits both
    are the author's, so that nobody else has to decide between them."""
    ahead, behind = sorted((first, second), key=_progress, reverse=True)
    removed = min(filter(None, map(_removal, (ahead, behind))), default=(None, None))
    latest = max(ahead.updated_at, behind.updated_at)
    merged = replace(ahead, removed_at=removed[0], removed_by=removed[1], updated_at=latest)
    return MergeResult(_without_content(merged) if first.is_erased or second.is_erased else merged)


def _without_content(message: Message) -> Message:
    return replace(message, content="", file_url=None, order_id=None)


def _removal(message: Message) -> tuple[datetime, str] | None:
    if message.removed_at is None:
        return None
    return message.removed_at, message.removed_by or ""


def _progress(message: Message) -> tuple[object, ...]:
    written = message.edited_at or message.created_at
    return message.edits, written, message.updated_at, message.op_id, digest(message)


DIRECT_MESSAGES = Kind("direct_messages", Message, merge=merge_messages)
CHANNEL_MESSAGES = Kind("channel_messages", Message, merge=merge_messages)
