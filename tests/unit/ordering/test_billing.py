"""No combination of prices, tax, discount, tip, split and refund loses or makes a cent."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.ordering.domain.billing import (
    BASIS_POINTS,
    BillingTerms,
    Discount,
    TaxableLine,
    allocate,
    percentage,
    totals,
)
from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.ordering.domain.payments import PaymentStatus, left_of, net
from dinerapp.replication.errors import RuleViolation
from tests.factories import at, line, order, payment

amounts = st.integers(0, 10**7)
rates = st.integers(0, BASIS_POINTS)
charges = st.lists(st.builds(TaxableLine, total=amounts, tax_rate=rates), max_size=8)
discounts = st.builds(
    Discount,
    coupon_id=st.just("c"),
    code=st.just("C"),
    percent=rates,
    minimum=amounts,
) | st.builds(Discount, coupon_id=st.just("c"), code=st.just("C"), amount=amounts, minimum=amounts)
terms = st.builds(
    BillingTerms, tax_included=st.booleans(), service_charge=rates, discount=st.none() | discounts
)


@st.composite
def bills(draw: st.DrawFn) -> Order:
    """Open orders with lines that cost something, on any terms, with any tip."""
    lines = tuple(
        line(
            quantity=draw(st.integers(1, 5)),
            unit_price=draw(st.integers(0, 5000)),
            tax_rate=draw(rates),
        )
        for _ in range(draw(st.integers(1, 5)))
    )
    return order(order_lines=lines, terms=draw(terms), tip=draw(st.integers(0, 500))).with_totals()


@given(amounts, rates)
def test_a_share_is_rounded_half_up(amount: int, rate: int) -> None:
    exact = Fraction(amount * rate, BASIS_POINTS)
    assert percentage(amount, rate) == int(exact + Fraction(1, 2))


@given(st.lists(amounts, max_size=10), st.data())
def test_what_is_handed_out_adds_up_and_is_fair(weights: list[int], data: Any) -> None:
    whole = sum(weights)
    amount = data.draw(st.integers(0, whole))
    parts = allocate(amount, weights)
    assert sum(parts) == (amount if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert abs(part - Fraction(amount * weight, whole or 1)) < 1


@given(charges, terms)
def test_a_bill_is_the_sum_of_its_parts(charged: list[TaxableLine], terms: BillingTerms) -> None:
    bill = totals(charged, terms)
    assert bill.subtotal == sum(each.total for each in charged)
    assert 0 <= bill.discount <= bill.subtotal
    added = 0 if terms.tax_included else bill.tax
    assert bill.total == bill.subtotal - bill.discount + bill.service_charge + added
    assert 0 <= bill.tax <= bill.subtotal - bill.discount + len(charged)


@given(charges, st.booleans(), discounts)
def test_tax_is_charged_on_what_is_really_paid(
    charged: list[TaxableLine], included: bool, discount: Discount
) -> None:
    alike = [TaxableLine(total=each.total, tax_rate=1900) for each in charged]
    bill = totals(alike, BillingTerms(tax_included=included, discount=discount))
    whole = BASIS_POINTS + 1900 if included else BASIS_POINTS
    exact = Fraction((bill.subtotal - bill.discount) * 1900, whole)
    assert abs(bill.tax - exact) <= len(charged) / 2


@given(bills(), st.data())
def test_a_bill_split_by_lines_is_paid_to_the_last_cent(record: Order, data: Any) -> None:
    total = record.total
    order_of_paying = data.draw(st.permutations([each.id for each in record.lines]))
    for number, line_id in enumerate(order_of_paying):
        cost = record.cost_of([line_id])
        tip = data.draw(st.integers(0, 300))
        part = payment(cost + tip, tip=tip, line_ids=(line_id,))
        record = record.with_payment(part, at(number))
    assert record.outstanding == 0
    assert net(record.payments) == record.total
    assert record.total == total + sum(each.tip for each in record.payments)
    with pytest.raises(RuleViolation):
        record.cost_of([order_of_paying[0]])


@given(bills(), st.data())
def test_payments_tips_and_refunds_always_add_up(record: Order, data: Any) -> None:
    for number in range(data.draw(st.integers(0, 8))):
        record = one_more(record, data, number)
        bill = totals(
            [TaxableLine(total=e.total, tax_rate=e.tax_rate) for e in record.lines], record.terms
        )
        assert record.total == bill.total + record.tip
        assert record.outstanding == record.total - net(record.payments) >= 0
        for each in record.payments:
            assert each.refund_of or left_of(each.id, record.payments) >= 0
            assert each.given is None or each.given == each.amount + each.change
    if record.payments and not record.outstanding and all(p.amount > 0 for p in record.payments):
        assert record.payment_status is PaymentStatus.PAID


def one_more(record: Order, data: Any, number: int) -> Order:
    refundable = [p for p in record.payments if not p.refund_of and left_of(p.id, record.payments)]
    if refundable and data.draw(st.booleans()):
        back = data.draw(st.sampled_from(refundable))
        amount = data.draw(st.integers(1, left_of(back.id, record.payments)))
        return record.with_refund(payment(-amount, refund_of=back.id), at(number))
    amount = data.draw(st.integers(0, record.outstanding))
    tip, change = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 50))
    made = payment(amount + tip, tip=tip, given=amount + tip + change, change=change)
    return record.with_payment(made, at(number))


@given(bills(), st.integers(1, 10**6))
def test_more_than_is_left_is_never_taken(record: Order, beyond: int) -> None:
    with pytest.raises(RuleViolation):
        record.with_payment(payment(record.outstanding + beyond), at())


@given(bills(), st.data())
def test_a_changed_order_is_billed_as_if_it_had_been_placed_like_that(
    record: Order, data: Any
) -> None:
    revised = [each.with_quantity(data.draw(st.integers(0, 9))) for each in record.lines]
    if not any(each.quantity for each in revised):
        return
    changed = record.with_lines(revised, op_id="o" * 32, now=at(1))
    anew = order(order_lines=tuple(revised), terms=record.terms, tip=record.tip).with_totals()
    assert (changed.total, changed.tax, changed.discount) == (anew.total, anew.tax, anew.discount)
    fired = changed.with_status(Status.CONFIRMED, actor="a", reason=None, op_id="p" * 32, now=at(2))
    wanted = {each.id: each.quantity for each in changed.active_lines}
    assert {ticket.line_id: ticket.quantity for ticket in fired.tickets} == wanted
