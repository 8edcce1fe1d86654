"""The menu in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from adapters.mongo.store import MongoStore
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.ports.menu import Categories, MenuItems

_LISTED = [(path, ASCENDING) for path in ("position", "name", "_id")]
_AS_PRINTED = [("category_id", ASCENDING), *_LISTED]
_LIVING = {"deleted": False}


class MongoCategories(MongoStore[Category], Categories):
    indexes = (IndexModel(_LISTED, name="as_printed", partialFilterExpression=_LIVING),)

    def all(self) -> Sequence[Category]:
        return self._found(_LIVING, _LISTED)


class MongoMenuItems(MongoStore[MenuItem], MenuItems):
    indexes = (IndexModel(_AS_PRINTED, name="as_printed", partialFilterExpression=_LIVING),)

    def all(self) -> Sequence[MenuItem]:
        return self._found(_LIVING, _AS_PRINTED)

    def count_in(self, category_id: str) -> int:
        with self.database.reading():
            return self.collection.count_documents({"category_id": category_id, **_LIVING})
