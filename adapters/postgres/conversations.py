"""Conversations in PostgreSQL: documents, with the two who talk beside them."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.conversations import Conversation
from dinerapp.messaging.ports.conversations import Conversations
from dinerapp.replication.ports.repository import Cursor, Page

_EITHER_PARTICIPANT = ("one_id = %(user_id)s", "other_id = %(user_id)s")
# Of a page along each index the newest are taken. Together they would be sorted as a whole.
_NEWEST = """
WHERE id = ANY (ARRAY(
    (SELECT id FROM conversations {one}) UNION ALL (SELECT id FROM conversations {other})
))
ORDER BY created_at DESC, id DESC LIMIT {limit:d}
"""


class PostgresConversations(DocumentStore[Conversation], Conversations):
    """Table conversations."""

    def page(self, user_id: str, after: Cursor | None, limit: int) -> Page[Conversation]:
        who = {"user_id": user_id}
        (one, asked), (other, _) = (
            self._newest_query([is_in], who, after, limit) for is_in in _EITHER_PARTICIPANT
        )
        rest = _NEWEST.format(one=one, other=other, limit=limit + 1)
        return Page.from_records(self._find(rest, asked), limit)
