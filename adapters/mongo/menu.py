"""The MongoDB stores of menu categories and menu items."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from adapters.mongo.store import MongoStore
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.ports.menu import Categories, MenuItems

_CATEGORY_ORDER = [(path, ASCENDING) for path in ("position", "name", "_id")]
_ITEM_ORDER = [("category_id", ASCENDING), *_CATEGORY_ORDER]
_NOT_DELETED = {"deleted": False}


class MongoCategories(MongoStore[Category], Categories):
    index_models = (
        IndexModel(_CATEGORY_ORDER, name="as_printed", partialFilterExpression=_NOT_DELETED),
    )

    def all(self) -> Sequence[Category]:
        return self._find(_NOT_DELETED, _CATEGORY_ORDER)


class MongoMenuItems(MongoStore[MenuItem], MenuItems):
    index_models = (
        IndexModel(_ITEM_ORDER, name="as_printed", partialFilterExpression=_NOT_DELETED),
    )

    def all(self) -> Sequence[MenuItem]:
        return self._find(_NOT_DELETED, _ITEM_ORDER)

    def count_in(self, category_id: str) -> int:
        with self.database.reading():
            return self.collection.count_documents({"category_id": category_id, **_NOT_DELETED})
