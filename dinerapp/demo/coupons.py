"""Demo coupons, one of them expired. Seeding is idempotent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.services.coupons import CouponService
from dinerapp.replication.errors import DuplicateKey, NotFound
from dinerapp.replication.identity import Operation
from dinerapp.replication.saving import WriteResult


def seed(coupons: CouponService, now: datetime) -> list[WriteResult[Coupon]]:
    """Adds missing coupons. Returns the result for each coupon that nobody has deleted."""
    results = (_add(coupons, fields) for fields in coupon_fields(now))
    return [result for result in results if result is not None]


def coupon_fields(now: datetime) -> tuple[Mapping[str, Any], ...]:
    """The fields of the coupons, with times relative to `now`."""
    return (
        {"code": "WELCOME10", "description": "Ten percent off", "percent": 1000},
        {
            "code": "FIVER",
            "description": "5.00 off from 30.00",
            "amount": 500,
            "minimum": 3000,
        },
        {
            "code": "BIRTHDAY",
            "description": "A quarter off, for the first hundred",
            "percent": 2500,
            "max_uses": 100,
        },
        {
            "code": "LASTWEEK",
            "description": "Fifteen percent off, and over",
            "percent": 1500,
            "starts_at": now - timedelta(days=9),
            "ends_at": now - timedelta(days=2),
        },
    )


def _add(coupons: CouponService, fields: Mapping[str, Any]) -> WriteResult[Coupon] | None:
    try:
        return coupons.add(Operation.from_key("demo coupon", fields["code"], b""), fields)
    except (DuplicateKey, NotFound):
        return None
