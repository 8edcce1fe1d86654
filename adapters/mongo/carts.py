"""The MongoDB store of carts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.carts import Cart
from dinerapp.ordering.ports.carts import Carts
from dinerapp.replication.ports.repository import Cursor, Page

_EXPIRY_ORDER = [("expires_at", ASCENDING), ("_id", ASCENDING)]


class MongoCarts(MongoStore[Cart], Carts):
    index_models = (
        newest_first("user_id"),
        IndexModel(_EXPIRY_ORDER, name="expired", partialFilterExpression={"deleted": False}),
    )

    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Cart]:
        return self._newest_page({"user_id": {"$eq": user_id}}, after, limit)

    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        return self._find({"expires_at": {"$lte": now}, "deleted": False}, _EXPIRY_ORDER, limit)
