"""The MongoDB store of orders."""

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

    def page(self, filters: OrderFilter, after: Cursor | None, limit: int) -> Page[Order]:
        return self._newest_page(_query(filters), after, limit)

    def in_kitchen(self, station: str | None, limit: int) -> Sequence[Order]:
        is_open = {"$in": sorted(OPEN_STATUSES)}
        ticket: Document = {"status": is_open}
        if station is not None:
            ticket["station"] = {"$eq": station}
        # "tickets.status" again: a condition inside $elemMatch does not select the partial index.
        query = {"tickets": {"$elemMatch": ticket}, "tickets.status": is_open, "deleted": False}
        return self._find(query, [("created_at", ASCENDING), ("_id", ASCENDING)], limit)

    def taken(self, till_id: str) -> Mapping[str, int]:
        at_till = {"payments.till_id": {"$eq": till_id}}
        stages: list[Document] = [
            {"$match": at_till},
            {"$unwind": "$payments"},
            {"$match": at_till},
            {"$group": {"_id": "$payments.method", "amount": {"$sum": "$payments.amount"}}},
        ]
        with self.database.reading():
            totals = list(self.collection.aggregate(stages))
        return {total["_id"]: total["amount"] for total in totals}

    def changed_since(self, after: ChangeCursor, limit: int) -> Sequence[Order]:
        already_read = {"updated_at": after.updated_at, "_id": {"$lte": after.id}}
        # Not as $or: the planner would split it into several scans, and might sort the result.
        query = {"updated_at": {"$gte": after.updated_at}, "$nor": [already_read], "deleted": False}
        return self._find(query, _CHANGE_ORDER, limit)


def _query(filters: OrderFilter) -> Document:
    equal = {
        "status": filters.status,
        "customer.phone_key": filters.phone,
        "fulfilment.type": filters.fulfilment,
        "code": filters.code,
        "user_id": filters.user_id,
    }
    query: Document = {path: {"$eq": value} for path, value in equal.items() if value is not None}
    if filters.since is not None:
        query["$and"] = [{"created_at": {"$gte": filters.since}}]
    return query
