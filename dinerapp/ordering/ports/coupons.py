"""Coupons. Contract suite: tests/contracts/test_coupons.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.ordering.domain.coupons import COUPONS, Coupon
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import find_one, query


class Coupons(Repository[Coupon]):
    """Coupons."""

    kind = COUPONS

    @abstractmethod
    @find_one
    def by_code(self, code: str) -> Coupon:
        """The coupon with exactly this code; raises NotFound if there is none."""

    @abstractmethod
    @query
    def page(self, after: Cursor | None, limit: int) -> Page[Coupon]:
        """Coupons, newest first by creation and then by id."""
