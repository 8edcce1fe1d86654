"""The PostgreSQL store of conversations."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.conversations import Conversation
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.replication.ports.repository import Cursor, Page

_EITHER_PARTICIPANT = ("one_id = %(user_id)s", "other_id = %(user_id)s")
# Reads a page from the index of each participant column, then merges the two. One query with OR
# would sort all conversations of the user.
_NEWEST = """
WHERE id = ANY (ARRAY(
    (SELECT id FROM conversations {first}) UNION ALL (SELECT id FROM conversations {second})
))
ORDER BY created_at DESC, id DESC LIMIT {limit:d}
"""


class PostgresConversations(DocumentStore[Conversation], Conversations):
    """Table conversations."""

    def page(self, user_id: str, after: Cursor | None, limit: int) -> Page[Conversation]:
        (first, parameters), (second, _) = (
            self._newest_query([condition], {"user_id": user_id}, after, limit)
            for condition in _EITHER_PARTICIPANT
        )
        clauses = _NEWEST.format(first=first, second=second, limit=limit + 1)
        return Page.from_records(self._find(clauses, parameters), limit)
