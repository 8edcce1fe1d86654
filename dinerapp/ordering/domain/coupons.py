"""Coupons: the discount, its conditions, and how often they can be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dinerapp.ordering.domain.billing import BASIS_POINTS, Discount
from dinerapp.replication.errors import InvalidRecord, RuleViolation
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon(Record):
    """A coupon for a percentage (`percent`, in hundredths of a percent) or a fixed amount.

    `max_uses` limits how many orders may use it in total; cancelled orders do not count.
    """

    code: str
    description: str = ""
    percent: int | None = None
    amount: int | None = None
    minimum: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_uses: int | None = None
    active: bool = True

    def validate(self) -> None:
        if (self.percent is None) is (self.amount is None):
            raise InvalidRecord("percent", "give either percent or amount, not both")
        if self.percent is not None and not 0 < self.percent <= BASIS_POINTS:
            raise InvalidRecord("percent", f"must be from 1 to {BASIS_POINTS}")
        if self.amount is not None and self.amount <= 0:
            raise InvalidRecord("amount", "must be greater than 0")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise InvalidRecord("ends_at", "must be after starts_at")

    def discount(self, subtotal: int, now: datetime) -> Discount:
        """The discount on an order placed now; RuleViolation says why the coupon cannot be used."""
        if not self.active or (self.starts_at and now < self.starts_at):
            raise RuleViolation(f"the coupon {self.code} cannot be used now", field="coupon")
        if self.ends_at and now >= self.ends_at:
            raise RuleViolation(f"the coupon {self.code} has expired", field="coupon")
        if subtotal < self.minimum:
            raise RuleViolation(
                f"the coupon {self.code} requires an order of at least {self.minimum}",
                field="coupon",
            )
        return Discount(
            coupon_id=self.id,
            code=self.code,
            percent=self.percent,
            amount=self.amount,
            minimum=self.minimum,
        )


def coupon_key(coupon_id: str) -> str:
    """The counter of a coupon's uses."""
    return f"coupon:{coupon_id}"


def normalise_code(code: str) -> str:
    """Codes are case-insensitive."""
    return code.strip().upper()


def _limits(coupon: Coupon) -> Mapping[str, int | None]:
    return {coupon_key(coupon.id): None if coupon.deleted else coupon.max_uses}


COUPONS = Kind("coupons", Coupon, unique_fields=("code",), limits=_limits)
