"""The MongoDB store of conflicts."""

from __future__ import annotations

from collections.abc import Collection

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page


class MongoConflicts(MongoStore[Conflict], Conflicts):
    index_models = (
        newest_first(),
        newest_first("state"),
        newest_first("record_id"),
        newest_first("loser.id"),
    )

    def page(self, state: ConflictState | None, after: Cursor | None, limit: int) -> Page[Conflict]:
        query: Document = {} if state is None else {"state": {"$eq": state}}
        return self._newest_page(query, after, limit)

    def about(
        self, kind: str, record_ids: Collection[str], after: Cursor | None, limit: int
    ) -> Page[Conflict]:
        is_one_of = {"$in": list(record_ids)}
        either_state = [{"record_id": is_one_of}, {"loser.id": is_one_of}]
        return self._newest_page({"about": {"$eq": kind}, "$or": either_state}, after, limit)

    def open_count(self) -> int:
        with self.database.reading():
            return self.collection.count_documents({"state": ConflictState.OPEN, "deleted": False})
