"""Servers and channels in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pymongo import ASCENDING

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.servers import Channel, Server
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page

_OLDEST_FIRST = [("created_at", ASCENDING), ("_id", ASCENDING)]


class MongoServers(MongoStore[Server], Servers):
    def by_invite(self, code: str) -> Server:
        wanted = {"_unique.invite_code": {"$eq": code}, "deleted": False}
        for server in self._find(wanted, limit=1):
            return server
        raise NotFound(self.kind.name, "by_invite")


class MongoChannels(MongoStore[Channel], Channels):
    indexes = (newest_first("server_id"),)

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Channel]:
        return self._newest_page({"server_id": {"$eq": server_id}}, after, limit)

    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        wanted = {"server_id": {"$in": list(server_ids)}, "deleted": False}
        return self._find(wanted, _OLDEST_FIRST, limit)
