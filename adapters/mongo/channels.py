"""The MongoDB store of channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pymongo import ASCENDING

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.servers import Channel
from dinerapp.messaging.ports.servers import Channels
from dinerapp.replication.ports.repository import Cursor, Page

_OLDEST_FIRST = [("created_at", ASCENDING), ("_id", ASCENDING)]


class MongoChannels(MongoStore[Channel], Channels):
    index_models = (newest_first("server_id"),)

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Channel]:
        return self._newest_page({"server_id": {"$eq": server_id}}, after, limit)

    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        query = {"server_id": {"$in": list(server_ids)}, "deleted": False}
        return self._find(query, _OLDEST_FIRST, limit)
