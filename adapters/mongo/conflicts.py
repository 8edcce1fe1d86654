"""Conflicts in MongoDB."""

from __future__ import annotations

from collections.abc import Collection

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page


class MongoConflicts(MongoStore[Conflict], Conflicts):
    index_models = (newest_first(), newest_first("state"), newest_first("record_id"))

    def page(self, state: ConflictState | None, after: Cursor | None, limit: int) -> Page[Conflict]:
        wanted: Document = {} if state is None else {"state": {"$eq": state}}
        return self._newest_page(wanted, after, limit)

    def about(
        self, kind: str, record_ids: Collection[str], after: Cursor | None, limit: int
    ) -> Page[Conflict]:
        wanted = {"about": {"$eq": kind}, "record_id": {"$in": list(record_ids)}}
        return self._newest_page(wanted, after, limit)

    def open_count(self) -> int:
        with self.database.reading():
            return self.collection.count_documents({"state": ConflictState.OPEN, "deleted": False})
