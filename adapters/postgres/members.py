"""The PostgreSQL store of server members."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.members import Member
from dinerapp.messaging.ports.members import Members
from dinerapp.replication.ports.repository import Cursor, Page

_ACTIVE = "state = 'active'"


class PostgresMembers(DocumentStore[Member], Members):
    """Table members."""

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        conditions = ["server_id = %(server_id)s", _ACTIVE]
        return self._newest_page(conditions, {"server_id": server_id}, after, limit)

    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        return self._newest_page(
            ["user_id = %(user_id)s", _ACTIVE], {"user_id": user_id}, after, limit
        )
