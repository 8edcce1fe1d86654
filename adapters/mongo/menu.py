"""The menu in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING, IndexModel

from adapters.mongo.store import MongoStore
from dinerapp.domain.menu import MenuItem
from dinerapp.ports.menu import MenuItems

_AS_PRINTED = [(path, ASCENDING) for path in ("category", "position", "name", "_id")]


class MongoMenuItems(MongoStore[MenuItem], MenuItems):
    indexes = (
        IndexModel(_AS_PRINTED, name="as_printed", partialFilterExpression={"deleted": False}),
    )

    def all(self) -> Sequence[MenuItem]:
        return self._found({"deleted": False}, _AS_PRINTED)
