"""Conversations in PostgreSQL: documents, with the two who talk beside them."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.domain.conversations import Conversation
from dinerapp.ports.conversations import Conversations
from dinerapp.ports.repository import After, Page

_OF_EITHER = "(one_id = %(user_id)s OR other_id = %(user_id)s)"


class PostgresConversations(DocumentStore[Conversation], Conversations):
    """Table conversations."""

    def page(self, user_id: str, after: After | None, limit: int) -> Page[Conversation]:
        return self._page([_OF_EITHER], {"user_id": user_id}, after, limit)
