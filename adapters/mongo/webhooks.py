"""The MongoDB store of webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import ASCENDING

from adapters.mongo.store import MongoStore, newest_first
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.webhooks.domain.webhooks import Webhook
from dinerapp.webhooks.ports.webhooks import Webhooks


class MongoWebhooks(MongoStore[Webhook], Webhooks):
    index_models = (newest_first(), newest_first("active"))

    def page(self, after: Cursor | None, limit: int) -> Page[Webhook]:
        return self._newest_page({}, after, limit)

    def listening(self) -> Sequence[Webhook]:
        return self._find({"active": True, "deleted": False}, [("_id", ASCENDING)])
