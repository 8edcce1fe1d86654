"""Deliveries to webhooks. Contract suite: tests/contracts/test_deliveries.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime

from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query
from dinerapp.webhooks.domain.deliveries import DELIVERIES, DeliveryState, WebhookDelivery


class Deliveries(Repository[WebhookDelivery]):
    """Deliveries of all webhooks."""

    kind = DELIVERIES

    @abstractmethod
    @query
    def page(
        self, webhook_id: str, state: DeliveryState | None, after: Cursor | None, limit: int
    ) -> Page[WebhookDelivery]:
        """The deliveries of one webhook, in one state or any, newest first by creation and then by
        id."""

    @abstractmethod
    @query
    def due(
        self, now: datetime, limit: int, excluded: Collection[str] = ()
    ) -> Sequence[WebhookDelivery]:
        """Pending deliveries that are due, longest due first and then by id, without those of the
        `excluded` webhooks."""

    @abstractmethod
    @query
    def made_before(self, moment: datetime, limit: int) -> Sequence[WebhookDelivery]:
        """Deliveries created before the moment, in any state, oldest first and then by id."""
