"""How far rooms are read, in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.read_markers import Read
from dinerapp.messaging.ports.read_markers import Reads
from dinerapp.replication.ports.repository import Cursor, Page


class PostgresReadMarkers(DocumentStore[Read], Reads):
    """Table reads."""

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Read]:
        return self._newest_page(["room_id = %(room_id)s"], {"room_id": room_id}, after, limit)
