"""Computes what an order costs, taxes included, from its lines and terms, in whole minor units.

There is one rounding rule: each amount that is a percentage of another is rounded half up, on its
own. A discount is allocated to the lines to the last cent before their tax is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BASIS_POINTS = 10_000
"""Rates are hundredths of a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A coupon as it was when it was used: a percentage of the subtotal or a fixed amount."""

    coupon_id: str
    code: str
    percent: int | None = None
    amount: int | None = None
    minimum: int = 0

    def amount_of(self, subtotal: int) -> int:
        """The amount of the discount; never more than the subtotal."""
        if subtotal < self.minimum:
            return 0
        if self.percent is not None:
            return percentage(subtotal, self.percent)
        return min(subtotal, self.amount or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingTerms:
    """The terms on which an order was placed; later settings do not change them."""

    tax_included: bool = True
    service_charge: int = 0
    discount: Discount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxableLine:
    """The parts of a line that matter for the bill."""

    total: int
    tax_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The amounts of a bill, without tips."""

    subtotal: int
    discount: int
    service_charge: int
    tax: int
    total: int


def percentage(amount: int, rate: int, whole: int = BASIS_POINTS) -> int:
    """`amount * rate / whole`, rounded half up."""
    return (2 * amount * rate + whole) // (2 * whole)


def totals(lines: Sequence[TaxableLine], terms: BillingTerms) -> Totals:
    """The totals of these lines."""
    subtotal = sum(line.total for line in lines)
    discount = terms.discount.amount_of(subtotal) if terms.discount else 0
    service = percentage(subtotal - discount, terms.service_charge)
    tax = _tax(lines, discount, terms)
    added = 0 if terms.tax_included else tax
    return Totals(
        subtotal=subtotal,
        discount=discount,
        service_charge=service,
        tax=tax,
        total=subtotal - discount + service + added,
    )


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Splits the amount in proportion to the weights, to the last cent: the parts that lost most by
    rounding down get a cent more. If all weights are 0, the first part gets everything."""
    whole = sum(weights)
    if not whole:
        return [amount, *(0 for _ in weights[1:])] if weights else []
    parts = [amount * weight // whole for weight in weights]
    short = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % whole), at))
    for at in short[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _tax(lines: Sequence[TaxableLine], discount: int, terms: BillingTerms) -> int:
    parts = allocate(discount, [line.total for line in lines])
    return sum(
        _tax_of(line.total - part, line.tax_rate, included=terms.tax_included)
        for line, part in zip(lines, parts, strict=True)
    )


def _tax_of(amount: int, rate: int, *, included: bool) -> int:
    return percentage(amount, rate, BASIS_POINTS + rate if included else BASIS_POINTS)
