"""What is left of an order whose guest is to be forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.ordering.domain.erasure import anonymise
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    Order,
    OrderContact,
    Status,
)
from dinerapp.ordering.domain.payments import Method
from dinerapp.replication import codec, conflicts
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.version import StoreId
from tests.factories import at, line, order, payment

P, M, _ = StoreId
USER = new_id()
PERSONAL = ("Ada", "030 123", "+4930123", "ada@example.org", "Main Street", "allergic", USER)
ACCOUNTED = ("subtotal", "discount", "service_charge", "tax", "tip", "total", "payment_status")


def told(**fields: Any) -> Order:
    """An order that says everything one can say of a guest, confirmed and partly paid."""
    placed = order(
        order_lines=(line(notes="allergic: nuts"), line(quantity=2)),
        customer=OrderContact(
            name="Ada", phone="030 123", email="ada@example.org", phone_key="+4930123"
        ),
        fulfilment=Fulfilment(
            type=FulfilmentType.DELIVERY, address="1 Main Street", scheduled_for=at(60)
        ),
        notes="allergic, ring Ada",
        user_id=USER,
        history=(HistoryStep(at=at(), status=Status.PENDING, actor=USER, reason="for Ada"),),
        **fields,
    ).with_totals()
    placed = placed.with_status(
        Status.CONFIRMED, actor="staff", reason="Ada called", op_id=new_op_id(), now=at(1)
    )
    paid = placed.with_payment(payment(850, reference="terminal 7", method=Method.CARD), at(2))
    back = payment(-50, refund_of=paid.payments[0].id, reason="Ada complained", actor="staff")
    return paid.with_refund(back, at(3))


def gone(record: Order, seconds: float = 9) -> Order:
    return anonymise(record, at(seconds)).with_changes(op_id=new_op_id(), now=at(seconds))


def says(state: object) -> str:
    return msgspec.json.encode(state).decode()


def personal(state: object) -> list[str]:
    return [word for word in PERSONAL if word in says(state)]


def test_the_order_said_it_all_before() -> None:
    assert personal(told()) == list(PERSONAL)


def test_nothing_personal_is_left_anywhere_in_the_order() -> None:
    assert personal(gone(told())) == []


def test_the_books_are_as_they_were() -> None:
    before = told()
    after = gone(before)
    for name in ACCOUNTED:
        assert getattr(after, name) == getattr(before, name)
    assert after.with_totals() == after
    assert [replace(one, notes=None) for one in before.lines] == list(after.lines)
    assert [(one.amount, one.reference) for one in after.payments] == [
        (one.amount, one.reference) for one in before.payments
    ]
    assert [(step.at, step.status) for step in after.history] == [
        (step.at, step.status) for step in before.history
    ]
    assert after.history[1].actor == "staff"
    assert after.history[0].actor == "guest"
    assert ORDERS.reservations(after) == ORDERS.reservations(before)
    assert codec.canonical(after) == after


def test_an_order_that_was_erased_is_not_erased_again() -> None:
    after = gone(told())
    assert anonymise(after, at(99)) is after


@pytest.mark.parametrize("policy", [MergePolicy(), MergePolicy("last_write_wins")])
@pytest.mark.parametrize("place", [P, M])
def test_an_erasure_is_lost_to_no_concurrent_state_and_reports_nothing_personal(
    policy: MergePolicy, place: StoreId
) -> None:
    base = told().as_accepted_by(P)
    here = gone(base).as_accepted_by(place)
    there = base.with_changes(op_id=new_op_id(), now=at(50), notes="Ada again").as_accepted_by(
        M if place is P else P
    )
    for merge in (
        merge_states(ORDERS, here, there, policy),
        merge_states(ORDERS, there, here, policy),
    ):
        assert personal(merge.record) == []
        assert merge.record.erased_at == at(9)
        assert merge.loser is None
        assert merge.record.total == base.total


def test_what_else_was_done_meanwhile_is_kept() -> None:
    base = told().as_accepted_by(P)
    here = gone(base).as_accepted_by(P)
    there = base.with_status(
        Status.PREPARING, actor="chef", reason="Ada waits", op_id=new_op_id(), now=at(5)
    )
    there = there.with_payment(payment(100), at(6)).as_accepted_by(M)
    merged = merge_states(ORDERS, here, there, MergePolicy()).record
    assert merged.status is Status.PREPARING
    assert len(merged.payments) == 3
    assert personal(merged) == []


def test_two_erasures_at_once_are_one() -> None:
    base = told().as_accepted_by(P)
    merge = merge_states(
        ORDERS, gone(base, 5).as_accepted_by(P), gone(base, 7).as_accepted_by(M), MergePolicy()
    )
    assert merge.loser is None
    assert merge.record.erased_at == at(7)
    assert personal(merge.record) == []


def test_what_lost_against_an_erased_order_says_nothing_personal_either() -> None:
    base = told().as_accepted_by(P)
    here = gone(base).as_accepted_by(P)
    there = base.with_changes(op_id=new_op_id(), now=at(50), coupon="SUMMER").as_accepted_by(M)
    merge = merge_states(ORDERS, here, there, MergePolicy("last_write_wins"))
    assert merge.loser is not None
    assert personal(merge.loser) == []


@given(st.booleans(), st.booleans())
def test_conflicts_about_an_order_lose_what_they_say_of_the_guest(
    is_first_gone: bool, is_second_gone: bool
) -> None:
    base = told().as_accepted_by(P)
    winner, loser = (
        anonymise(base, at(5))
        if is_gone
        else base.with_changes(op_id=new_op_id(), now=at(4), notes="x")
        for is_gone in (is_first_gone, is_second_gone)
    )
    filed = conflicts.from_states("orders", winner, loser, "why", at(6))
    left = redacted(filed)
    assert personal(left.winner) == personal(left.loser) == []
    assert (left.winner["total"], left.loser["total"]) == (base.total, base.total)
    assert codec.load(Order, json.loads(says(left.loser))).erased_at is not None
    assert redacted(left) is left
    assert (left is filed) == (is_first_gone and is_second_gone)


def test_of_a_state_that_nobody_can_read_any_more_nothing_is_left() -> None:
    filed = conflicts.from_states("orders", told(), told(), "why", at(6))
    odd = replace(filed, loser={"customer": "Ada", "rooms": 3})
    left = redacted(odd)
    assert left.loser == {}
    assert personal(left) == []
    assert redacted(left) is left


def redacted(filed: Any) -> Any:
    return conflicts.redact_states(
        filed, Order, lambda state: anonymise(state, at(9)), op_id=new_op_id(), now=at(9)
    )
