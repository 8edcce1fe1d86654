"""Coupons in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page


class MongoCoupons(MongoStore[Coupon], Coupons):
    indexes = (newest_first(),)

    def by_code(self, code: str) -> Coupon:
        found = self._find({"_unique.code": {"$eq": code}, "deleted": False}, limit=1)
        if not found:
            raise NotFound(self.kind.name, code)
        return found[0]

    def page(self, after: Cursor | None, limit: int) -> Page[Coupon]:
        return self._newest_page({}, after, limit)
