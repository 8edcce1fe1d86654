"""Messages in rooms, of either kind. Contract suite: tests/contracts/test_messages.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence

from dinerapp.messaging.domain.messages import CHANNEL_MESSAGES, DIRECT_MESSAGES, Message
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Messages(Repository[Message]):
    """What both kinds are asked."""

    @abstractmethod
    @query
    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        """A room's messages, removed ones too, newest first by creation and then by id."""

    @abstractmethod
    @query
    def page_of(self, author_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        """Everything an author wrote in any room, removed messages included, newest first by
        creation and then by id."""

    @abstractmethod
    @query
    def changed_since(
        self, room_ids: Collection[str], after: ChangeCursor, limit: int
    ) -> Sequence[Message]:
        """Messages of these rooms in their latest state, by when and id they were changed, after
        that place. What is committed or arrives late may appear before it."""

    @abstractmethod
    @query
    def unread(self, user_id: str, rooms: Mapping[str, Cursor], limit: int) -> Mapping[str, int]:
        """How many messages of others that are not removed follow after a place, room by room;
        counting stops at `limit`. Rooms without any are left out."""


class DirectMessages(Messages):
    """Those of conversations."""

    kind = DIRECT_MESSAGES


class ChannelMessages(Messages):
    """Those of channels."""

    kind = CHANNEL_MESSAGES
