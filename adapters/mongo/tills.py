"""The MongoDB store of tills."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.tills import Till
from dinerapp.ordering.ports.tills import Tills
from dinerapp.replication.ports.repository import Cursor, Page


class MongoTills(MongoStore[Till], Tills):
    index_models = (newest_first(),)

    def page(self, is_open: bool | None, after: Cursor | None, limit: int) -> Page[Till]:
        query: Document = {} if is_open is None else {"closed_at": {"$ne": None}}
        if is_open:
            query = {"closed_at": {"$eq": None}}
        return self._newest_page(query, after, limit)
