"""Coupons in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page

_BY_CODE = "WHERE NOT deleted AND u_code = %(code)s"


class PostgresCoupons(DocumentStore[Coupon], Coupons):
    """Table coupons."""

    def by_code(self, code: str) -> Coupon:
        found = self._find(_BY_CODE, {"code": code})
        if not found:
            raise NotFound(self.kind.name, code)
        return found[0]

    def page(self, after: Cursor | None, limit: int) -> Page[Coupon]:
        return self._newest_page([], {}, after, limit)
