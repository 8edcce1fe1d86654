"""The MongoDB store of read markers."""

from __future__ import annotations

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.read_markers import ReadMarker
from dinerapp.messaging.ports.read_markers import ReadMarkers
from dinerapp.replication.ports.repository import Cursor, Page


class MongoReadMarkers(MongoStore[ReadMarker], ReadMarkers):
    index_models = (newest_first("room_id"),)

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[ReadMarker]:
        return self._newest_page({"room_id": {"$eq": room_id}}, after, limit)
