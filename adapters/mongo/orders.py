"""Orders in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.tickets import OPEN_STATUSES
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page

_CHANGE_ORDER = [("updated_at", ASCENDING), ("_id", ASCENDING)]


class MongoOrders(MongoStore[Order], Orders):
    index_models = (
        newest_first(),
        newest_first("status"),
        newest_first("customer.phone_key"),
        newest_first("fulfilment.type"),
        IndexModel(
            [("tickets.status", ASCENDING), ("created_at", ASCENDING), ("_id", ASCENDING)],
            name="in_kitchen",
            partialFilterExpression={"tickets.status": {"$exists": True}},
        ),
        IndexModel([("payments.till_id", ASCENDING)], name="by_till", sparse=True),
        newest_first("user_id"),
        IndexModel(_CHANGE_ORDER, name="changed", partialFilterExpression={"deleted": False}),
    )

    backfills: ClassVar = {"customer.phone_key": "$customer.phone"}

    def page(self, wanted: OrderFilter, after: Cursor | None, limit: int) -> Page[Order]:
        return self._newest_page(_query(wanted), after, limit)

    def in_kitchen(self, station: str | None, limit: int) -> Sequence[Order]:
        is_open = {"$in": sorted(OPEN_STATUSES)}
        ticket: Document = {"status": is_open}
        if station is not None:
            ticket["station"] = {"$eq": station}
        # By what is inside of $elemMatch the planner does not find the partial index.
        wanted = {"tickets": {"$elemMatch": ticket}, "tickets.status": is_open, "deleted": False}
        return self._find(wanted, [("created_at", ASCENDING), ("_id", ASCENDING)], limit)

    def taken(self, till_id: str) -> Mapping[str, int]:
        through = {"payments.till_id": {"$eq": till_id}}
        steps: list[Document] = [
            {"$match": through},
            {"$unwind": "$payments"},
            {"$match": through},
            {"$group": {"_id": "$payments.method", "amount": {"$sum": "$payments.amount"}}},
        ]
        with self.database.reading():
            found = list(self.collection.aggregate(steps))
        return {each["_id"]: each["amount"] for each in found}

    def changed_since(self, after: ChangeCursor, limit: int) -> Sequence[Order]:
        seen = {"updated_at": after.updated_at, "_id": {"$lte": after.id}}
        # As $or the planner would take it apart, and might prefer to sort.
        wanted = {"updated_at": {"$gte": after.updated_at}, "$nor": [seen], "deleted": False}
        return self._find(wanted, _CHANGE_ORDER, limit)


def _query(filters: OrderFilter) -> Document:
    equal = {
        "status": filters.status,
        "customer.phone_key": filters.phone,
        "fulfilment.type": filters.fulfilment,
        "code": filters.code,
        "user_id": filters.user_id,
    }
    matching: Document = {
        path: {"$eq": value} for path, value in equal.items() if value is not None
    }
    if filters.since is not None:
        matching["$and"] = [{"created_at": {"$gte": filters.since}}]
    return matching
