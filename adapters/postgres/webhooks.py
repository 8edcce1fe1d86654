"""The PostgreSQL store of webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.documents import DocumentStore
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.webhooks.domain.webhooks import Webhook
from dinerapp.webhooks.ports.webhooks import Webhooks

_ACTIVE = "WHERE NOT deleted AND active ORDER BY id"


class PostgresWebhooks(DocumentStore[Webhook], Webhooks):
    """Table webhooks."""

    def page(self, after: Cursor | None, limit: int) -> Page[Webhook]:
        return self._newest_page([], {}, after, limit)

    def listening(self) -> Sequence[Webhook]:
        return self._find(_ACTIVE, {})
