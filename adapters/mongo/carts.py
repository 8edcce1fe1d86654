"""Carts in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from adapters.mongo.store import MongoStore
from dinerapp.domain.carts import Cart
from dinerapp.ports.carts import Carts

_ORDER = [("expires_at", ASCENDING), ("_id", ASCENDING)]


class MongoCarts(MongoStore[Cart], Carts):
    indexes = (IndexModel(_ORDER, name="expires_at", partialFilterExpression={"deleted": False}),)

    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        return self._found({"expires_at": {"$lte": now}, "deleted": False}, _ORDER, limit)
