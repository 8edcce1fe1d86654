"""Messages in rooms of both kinds. Contract suite: tests/contracts/test_messages.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence

from dinerapp.messaging.domain.messages import CHANNEL_MESSAGES, DIRECT_MESSAGES, Message
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Messages(Repository[Message]):
    """The queries of both kinds of messages."""

    @abstractmethod
    @query
    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        """A room's messages, including removed ones, newest first by creation and then by id."""

    @abstractmethod
    @query
    def page_of(self, author_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        """All messages of an author in any room, including removed ones, newest first by creation
        and then by id."""

    @abstractmethod
    @query
    def changed_since(
        self, room_ids: Collection[str], after: ChangeCursor, limit: int
    ) -> Sequence[Message]:
        """Messages of these rooms in their latest state, in the order of change and then id, after
        that position. Changes that are committed or arrive late may sort before it."""

    @abstractmethod
    @query
    def unread(self, user_id: str, rooms: Mapping[str, Cursor], limit: int) -> Mapping[str, int]:
        """How many messages of other users, without removed ones, come after the position in each
        room, counted up to `limit`. Rooms without any are left out."""


class DirectMessages(Messages):
    """Messages in conversations."""

    kind = DIRECT_MESSAGES


class ChannelMessages(Messages):
    """Messages in channels."""

    kind = CHANNEL_MESSAGES
