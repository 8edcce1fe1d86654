"""Conversations. Contract suite: tests/contracts/test_conversations.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.messaging.domain.conversations import CONVERSATIONS, Conversation
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Conversations(Repository[Conversation]):
    """Rooms for two."""

    kind = CONVERSATIONS

    @abstractmethod
    @query
    def page(self, user_id: str, after: Cursor | None, limit: int) -> Page[Conversation]:
        """A user's conversations, newest first by creation and then by id."""
