"""Guests the restaurant knows. Contract suite: tests/contracts/test_customers.py."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from dinerapp.ordering.domain.customers import CUSTOMERS, Customer
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilter:
    """Which customers are wanted, by number and address as they are compared; None does not
    narrow."""

    phone: str | None = None
    email: str | None = None


class Customers(Repository[Customer]):
    """Customers. Those who were erased are in no list, and are found by id all the same."""

    kind = CUSTOMERS

    @abstractmethod
    @query
    def page(self, wanted: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        """The customers wanted, newest first by creation and then by id."""
