"""Orders in MongoDB."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.domain.orders import Order
from dinerapp.ports.orders import OrderFilter, Orders
from dinerapp.ports.repository import After, Page


class MongoOrders(MongoStore[Order], Orders):
    indexes = (
        newest_first(),
        newest_first("status"),
        newest_first("customer.phone"),
        newest_first("fulfilment.type"),
        newest_first("user_id"),
    )

    def page(self, wanted: OrderFilter, after: After | None, limit: int) -> Page[Order]:
        return self._newest(_matching(wanted), after, limit)


def _matching(wanted: OrderFilter) -> Document:
    equal = {
        "status": wanted.status,
        "customer.phone": wanted.phone,
        "fulfilment.type": wanted.fulfilment,
        "user_id": wanted.user_id,
    }
    matching: Document = {
        path: {"$eq": value} for path, value in equal.items() if value is not None
    }
    if wanted.since is not None:
        matching["$and"] = [{"created_at": {"$gte": wanted.since}}]
    return matching
