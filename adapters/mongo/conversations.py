"""The MongoDB store of conversations."""

from __future__ import annotations

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.conversations import Conversation
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.replication.ports.repository import Cursor, Page


class MongoConversations(MongoStore[Conversation], Conversations):
    index_models = (newest_first("user_ids"),)

    def page(self, user_id: str, after: Cursor | None, limit: int) -> Page[Conversation]:
        return self._newest_page({"user_ids": {"$eq": user_id}}, after, limit)
