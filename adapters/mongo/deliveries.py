"""Deliveries in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.replication.ports.repository import After, Page
from dinerapp.webhooks.domain.deliveries import DeliveryState, WebhookDelivery
from dinerapp.webhooks.ports.deliveries import Deliveries

_PENDING: Document = {"deleted": False, "state": DeliveryState.PENDING.value}
_BY_DUE = [("due", ASCENDING), ("_id", ASCENDING)]
_OLDEST = [("created_at", ASCENDING), ("_id", ASCENDING)]


class MongoDeliveries(MongoStore[WebhookDelivery], Deliveries):
    indexes = (
        newest_first(),
        newest_first("webhook_id"),
        newest_first("webhook_id", "state"),
        IndexModel(_BY_DUE, name="due", partialFilterExpression=_PENDING),
    )

    def page(
        self, webhook_id: str, state: DeliveryState | None, after: After | None, limit: int
    ) -> Page[WebhookDelivery]:
        wanted: Document = {"webhook_id": {"$eq": webhook_id}}
        if state is not None:
            wanted["state"] = {"$eq": state.value}
        return self._newest(wanted, after, limit)

    def due(
        self, now: datetime, limit: int, but: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        wanted: Document = {**_PENDING, "due": {"$lte": now}, "webhook_id": {"$nin": list(but)}}
        return self._found(wanted, _BY_DUE, limit)

    def made_before(self, moment: datetime, limit: int) -> Sequence[WebhookDelivery]:
        return self._found({"deleted": False, "created_at": {"$lt": moment}}, _OLDEST, limit)
