"""The MongoDB store of server members."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.members import Member, MemberState
from dinerapp.messaging.ports.members import Members
from dinerapp.replication.ports.repository import Cursor, Page

_ACTIVE: Document = {"state": {"$eq": MemberState.ACTIVE.value}}


class MongoMembers(MongoStore[Member], Members):
    index_models = (newest_first("server_id", "state"), newest_first("user_id", "state"))

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        return self._newest_page({"server_id": {"$eq": server_id}, **_ACTIVE}, after, limit)

    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        return self._newest_page({"user_id": {"$eq": user_id}, **_ACTIVE}, after, limit)
