"""The MongoDB store of webhook deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.webhooks.domain.deliveries import DeliveryState, WebhookDelivery
from dinerapp.webhooks.ports.deliveries import Deliveries

_PENDING: Document = {"deleted": False, "state": DeliveryState.PENDING.value}
_DUE_ORDER = [("due", ASCENDING), ("_id", ASCENDING)]
_OLDEST_FIRST = [("created_at", ASCENDING), ("_id", ASCENDING)]


class MongoDeliveries(MongoStore[WebhookDelivery], Deliveries):
    index_models = (
        newest_first(),
        newest_first("webhook_id"),
        newest_first("webhook_id", "state"),
        IndexModel(_DUE_ORDER, name="due", partialFilterExpression=_PENDING),
    )

    def page(
        self, webhook_id: str, state: DeliveryState | None, after: Cursor | None, limit: int
    ) -> Page[WebhookDelivery]:
        query: Document = {"webhook_id": {"$eq": webhook_id}}
        if state is not None:
            query["state"] = {"$eq": state.value}
        return self._newest_page(query, after, limit)

    def due(
        self, now: datetime, limit: int, excluded: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        query: Document = {
            **_PENDING,
            "due": {"$lte": now},
            "webhook_id": {"$nin": list(excluded)},
        }
        return self._find(query, _DUE_ORDER, limit)

    def made_before(self, moment: datetime, limit: int) -> Sequence[WebhookDelivery]:
        return self._find({"deleted": False, "created_at": {"$lt": moment}}, _OLDEST_FIRST, limit)
