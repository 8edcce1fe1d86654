"""The PostgreSQL store of webhook deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from adapters.postgres.connection import Row
from adapters.postgres.documents import DocumentStore
from adapters.postgres.rows import PlainRecord
from adapters.postgres.statements import equals_literal
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.webhooks.domain.deliveries import DeliveryState, WebhookDelivery
from dinerapp.webhooks.ports.deliveries import Deliveries

_DUE = """WHERE NOT deleted AND state = 'pending' AND due <= %(now)s
AND webhook_id <> ALL (%(excluded)s) ORDER BY due, id LIMIT {:d}"""
_MADE_BEFORE = "WHERE NOT deleted AND created_at < %(moment)s ORDER BY created_at, id LIMIT {:d}"


class PostgresDeliveries(DocumentStore[WebhookDelivery], Deliveries):
    """Table deliveries."""

    columns = ("content", "due")

    def to_row(self, plain: PlainRecord) -> Row:
        return super().to_row(plain) | {"due": plain["due"]}

    def page(
        self, webhook_id: str, state: DeliveryState | None, after: Cursor | None, limit: int
    ) -> Page[WebhookDelivery]:
        conditions = ["webhook_id = %(webhook_id)s"]
        if state is not None:
            conditions.append(equals_literal("state", state))
        return self._newest_page(conditions, {"webhook_id": webhook_id}, after, limit)

    def due(
        self, now: datetime, limit: int, excluded: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        return self._find(_DUE.format(limit), {"now": now, "excluded": list(excluded)})

    def made_before(self, moment: datetime, limit: int) -> Sequence[WebhookDelivery]:
        return self._find(_MADE_BEFORE.format(limit), {"moment": moment})
