"""Coupons. Contract suite: tests/contracts/test_coupons.py."""

from __future__ import annotations

from dinerapp.ordering.domain.coupons import COUPONS, Coupon
from dinerapp.replication.ports.documents import Documents, Index
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.ports.routing import find_one, query


class Coupons(Documents[Coupon]):
    """Coupons."""

    kind = COUPONS
    indexes = (Index(),)

    @find_one
    def by_code(self, code: str) -> Coupon:
        """The coupon with exactly this code; NotFound."""
        return self._first(code=code)

    @query
    def page(self, after: Cursor | None, limit: int) -> Page[Coupon]:
        """Coupons, newest first by creation and then by id."""
        return self._newest(after, limit)
