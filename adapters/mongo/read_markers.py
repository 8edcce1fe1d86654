"""How far rooms are read, in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.read_markers import Read
from dinerapp.messaging.ports.read_markers import Reads
from dinerapp.replication.ports.repository import Cursor, Page


class MongoReadMarkers(MongoStore[Read], Reads):
    indexes = (newest_first("room_id"),)

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Read]:
        return self._newest_page({"room_id": {"$eq": room_id}}, after, limit)
