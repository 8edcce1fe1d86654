"""The PostgreSQL store of read markers."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.read_markers import ReadMarker
from dinerapp.messaging.ports.read_markers import ReadMarkers
from dinerapp.replication.ports.repository import Cursor, Page


class PostgresReadMarkers(DocumentStore[ReadMarker], ReadMarkers):
    """Table reads."""

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[ReadMarker]:
        return self._newest_page(["room_id = %(room_id)s"], {"room_id": room_id}, after, limit)
