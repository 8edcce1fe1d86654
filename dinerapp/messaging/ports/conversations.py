"""Conversations. Contract suite: tests/contracts/test_conversations.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.messaging.domain.conversations import CONVERSATIONS, Conversation
from dinerapp.replication.ports.repository import After, Page, Repository
from dinerapp.replication.ports.routing import question


class Conversations(Repository[Conversation]):
    """Rooms for two."""

    kind = CONVERSATIONS

    @abstractmethod
    @question
    def page(self, user_id: str, after: After | None, limit: int) -> Page[Conversation]:
        """A user's conversations, newest first by creation and then by id."""
