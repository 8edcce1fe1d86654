"""Webhooks. Contract suite: tests/contracts/test_webhooks.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query
from dinerapp.webhooks.domain.webhooks import WEBHOOKS, Webhook


class Webhooks(Repository[Webhook]):
    """URLs of other systems that receive events."""

    kind = WEBHOOKS

    @abstractmethod
    @query
    def page(self, after: Cursor | None, limit: int) -> Page[Webhook]:
        """Webhooks, newest first by creation and then by id."""

    @abstractmethod
    @query
    def listening(self) -> Sequence[Webhook]:
        """All that are active, by id."""
