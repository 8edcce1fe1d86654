"""Webhooks. Contract suite: tests/contracts/webhooks.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from dinerapp.domain.webhooks import WEBHOOKS, Webhook
from dinerapp.ports.repository import After, Page, Repository
from dinerapp.ports.routing import question


class Webhooks(Repository[Webhook]):
    """Addresses elsewhere that want to hear what happens."""

    kind = WEBHOOKS

    @abstractmethod
    @question
    def page(self, after: After | None, limit: int) -> Page[Webhook]:
        """Webhooks, newest first by creation and then by id."""

    @abstractmethod
    @question
    def listening(self) -> Sequence[Webhook]:
        """All that are active, by id."""
