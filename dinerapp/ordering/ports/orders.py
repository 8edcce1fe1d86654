"""Orders. Contract suite: tests/contracts/test_orders.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import FulfilmentType, Order, Status
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Filters for orders; None matches all. `phone` is a normalised number."""

    status: Status | None = None
    phone: str | None = None
    since: datetime | None = None
    fulfilment: FulfilmentType | None = None
    code: str | None = None
    user_id: str | None = None


class Orders(Repository[Order]):
    """Orders with their lines."""

    kind = ORDERS

    @abstractmethod
    @query
    def page(self, filters: OrderFilter, after: Cursor | None, limit: int) -> Page[Order]:
        """The matching orders, newest first by creation and then by id."""

    @abstractmethod
    @query
    def changed_since(self, after: ChangeCursor, limit: int) -> Sequence[Order]:
        """Orders in their latest state, in the order of change and then id, after that position.

        Changes that are committed late, or arrive late from the other store, may sort before it.
        """

    @abstractmethod
    @query
    def in_kitchen(self, station: str | None, limit: int) -> Sequence[Order]:
        """Orders with open tickets, at one station or any, oldest first by creation and id."""

    @abstractmethod
    @query
    def taken(self, till_id: str) -> Mapping[str, int]:
        """The sum of the payments through a till minus refunds, by method."""
