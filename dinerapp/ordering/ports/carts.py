"""Carts. Contract suite: tests/contracts/test_carts.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime

from dinerapp.ordering.domain.carts import CARTS, Cart
from dinerapp.replication.ports.repository import After, Page, Repository
from dinerapp.replication.ports.routing import question


class Carts(Repository[Cart]):
    """Carts of guests and of accounts."""

    kind = CARTS

    @abstractmethod
    @question
    def page_of(self, user_id: str, after: After | None, limit: int) -> Page[Cart]:
        """The carts of an account, newest first."""

    @abstractmethod
    @question
    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        """Carts whose time is over, the longest gone first."""
