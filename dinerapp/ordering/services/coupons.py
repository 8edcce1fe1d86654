"""Use cases for managing coupons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dinerapp.ordering.domain.coupons import Coupon, coupon_key, normalise_code
from dinerapp.ordering.ports.coupons import Coupons
from dinerapp.ordering.ports.orders import Orders
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import WriteResult, save_idempotently, update_with_retry


@dataclass(frozen=True, slots=True)
class CouponUsage:
    """A coupon and how many orders use it."""

    coupon: Coupon
    uses: int


class CouponService:
    """Use cases for coupons."""

    def __init__(self, coupons: Coupons, orders: Orders) -> None:
        self._coupons = coupons
        self._orders = orders

    def add(self, operation: Operation, fields: Mapping[str, Any]) -> WriteResult[Coupon]:
        """Adds a coupon."""
        now = utc_now()
        coupon = Coupon(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            **{**fields, "code": normalise_code(fields["code"])},
        )
        return save_idempotently(self._coupons.save, coupon)

    def change(
        self, coupon_id: str, operation: Operation, fields: Mapping[str, Any], if_match: str | None
    ) -> WriteResult[Coupon]:
        """Changes some of a coupon's fields; its code stays."""

        def change(coupon: Coupon) -> Coupon:
            return coupon.with_changes(op_id=operation.op_id, now=utc_now(), **fields)

        return update_with_retry(self._coupons, coupon_id, operation.op_id, change, if_match)

    def get(self, coupon_id: str) -> Coupon:
        """One coupon."""
        return self._coupons.get(coupon_id)

    def page(self, after: Cursor | None, limit: int) -> Page[Coupon]:
        """Coupons, newest first."""
        return self._coupons.page(after, limit)

    def usage_of(self, coupons: list[Coupon]) -> list[CouponUsage]:
        """The coupons with the number of orders that use each, in one query."""
        keys = [coupon_key(coupon.id) for coupon in coupons]
        counts = self._orders.usage(keys) if keys else {}
        return [
            CouponUsage(coupon, counts[key].reserved)
            for coupon, key in zip(coupons, keys, strict=True)
        ]
