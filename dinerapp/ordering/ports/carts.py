"""Carts. Contract suite: tests/contracts/test_carts.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime

from dinerapp.ordering.domain.carts import CARTS, Cart
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Carts(Repository[Cart]):
    """Carts of guests and of accounts."""

    kind = CARTS

    @abstractmethod
    @query
    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Cart]:
        """The carts of an account, newest first."""

    @abstractmethod
    @query
    def expired(self, now: datetime, limit: int) -> Sequence[Cart]:
        """Carts that have expired, the earliest expiry first."""
