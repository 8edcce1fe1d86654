"""Conflicts in MongoDB."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.domain.conflicts import Conflict, ConflictState
from dinerapp.ports.conflicts import Conflicts
from dinerapp.ports.repository import After, Page


class MongoConflicts(MongoStore[Conflict], Conflicts):
    indexes = (newest_first(), newest_first("state"))

    def page(self, state: ConflictState | None, after: After | None, limit: int) -> Page[Conflict]:
        wanted: Document = {} if state is None else {"state": {"$eq": state}}
        return self._newest(wanted, after, limit)

    def open_count(self) -> int:
        with self.database.reading():
            return self.collection.count_documents({"state": ConflictState.OPEN, "deleted": False})
