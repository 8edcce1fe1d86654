"""Customers. Contract suite: tests/contracts/test_customers.py."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from dinerapp.ordering.domain.customers import CUSTOMERS, Customer
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilter:
    """Filters for customers, by normalised number and address; None matches all."""

    phone: str | None = None
    email: str | None = None


class Customers(Repository[Customer]):
    """Customers. Erased ones appear in no list, but are found by id."""

    kind = CUSTOMERS

    @abstractmethod
    @query
    def page(self, filters: CustomerFilter, after: Cursor | None, limit: int) -> Page[Customer]:
        """The matching customers, newest first by creation and then by id."""
