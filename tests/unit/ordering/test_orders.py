from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given

from dinerapp.ordering.domain.order_merge import ORDERS, merge_orders
from dinerapp.ordering.domain.orders import STEPS, OrderContact, Status
from dinerapp.ordering.domain.payments import PaymentStatus, status_of
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.version import StoreId
from tests.factories import at, line, order, payment, stocked_order
from tests.unit.strategies import orders

POLICY = MergePolicy()
ALLOWED = {
    ("pending", "confirmed"),
    ("pending", "cancelled"),
    ("confirmed", "preparing"),
    ("confirmed", "cancelled"),
    ("preparing", "ready"),
    ("preparing", "cancelled"),
    ("ready", "out_for_delivery"),
    ("ready", "completed"),
    ("ready", "cancelled"),
    ("out_for_delivery", "completed"),
    ("out_for_delivery", "cancelled"),
}


def moved(
    record: Any, *statuses: Status, store_id: StoreId = StoreId.POSTGRESQL, seconds: int = 1
) -> Any:
    """The order after steps that the place accepted."""
    for number, status in enumerate(statuses):
        now = at(seconds + number)
        step = record.with_status(status, actor=store_id, reason=None, op_id=new_op_id(), now=now)
        record = step.as_accepted_by(store_id)
    return record


@pytest.mark.parametrize(("before", "after"), [*product(Status, Status)])
def test_an_order_moves_only_along_its_graph(before: Status, after: Status) -> None:
    record = order(status=before)
    if (before, after) in ALLOWED:
        assert moved(record, after).status is after
    else:
        with pytest.raises(RuleViolation) as refused:
            moved(record, after)
        assert refused.value.field == "status"
        assert refused.value.reason.startswith(f"an order that is {before} cannot become {after}")


def test_every_status_has_its_steps() -> None:
    assert set(STEPS) == set(Status)
    assert {(a, b) for a, steps in STEPS.items() for b in steps} == ALLOWED


def test_a_step_is_written_into_the_history() -> None:
    record = order()
    step = record.with_status(
        Status.CANCELLED, actor="ada", reason="too late", op_id="o" * 32, now=at(60)
    )
    assert step.history[:-1] == record.history
    last = step.history[-1]
    assert (last.at, last.status, last.actor, last.reason) == (
        at(60),
        Status.CANCELLED,
        "ada",
        "too late",
    )
    assert step.op_id == "o" * 32
    assert step.updated_at == at(60)


def test_of_two_steps_the_one_further_along_is_kept_and_nobody_is_bothered() -> None:
    base = order().as_accepted_by(StoreId.POSTGRESQL)
    ours = moved(base, Status.CONFIRMED, Status.PREPARING)
    theirs = moved(base, Status.CONFIRMED, store_id=StoreId.MONGODB, seconds=5)
    merge = merge_orders(ours, theirs, POLICY)
    assert merge.record.status is Status.PREPARING
    assert merge.loser is None
    assert set(merge.record.history) == {*ours.history, *theirs.history}


def test_a_step_that_was_tried_on_both_sides_is_in_the_history_once() -> None:
    base = order().as_accepted_by(StoreId.POSTGRESQL)
    ours, theirs = (
        base.with_status(
            Status.CONFIRMED, actor="ada", reason=None, op_id="o" * 32, now=at(n)
        ).as_accepted_by(p)
        for n, p in ((1, StoreId.POSTGRESQL), (2, StoreId.MONGODB))
    )
    for one, other in ((ours, theirs), (theirs, ours)):
        merge = merge_orders(one, other, POLICY)
        assert merge.record.history == ours.history
        assert merge.loser is None


def test_a_cancellation_wins_over_a_completion_which_is_reported() -> None:
    base = order(status=Status.READY).as_accepted_by(StoreId.POSTGRESQL)
    completed = moved(base, Status.COMPLETED, seconds=9)
    cancelled = moved(base, Status.CANCELLED, store_id=StoreId.MONGODB)
    for one, other in ((completed, cancelled), (cancelled, completed)):
        merge = merge_orders(one, other, POLICY)
        assert merge.record.status is Status.CANCELLED
        assert merge.loser == completed
        assert merge.reason == "cancelled in one database and completed in the other"


def test_what_only_the_policy_can_decide_is_reported_and_progress_kept() -> None:
    base = order().as_accepted_by(StoreId.POSTGRESQL)
    ahead = moved(base, Status.CONFIRMED, Status.PREPARING)
    paid = base.with_payment(payment(base.total), at(60)).as_accepted_by(StoreId.MONGODB)
    paid = replace(paid, customer=OrderContact(name="Eve", phone="1"))
    for one, other in ((ahead, paid), (paid, ahead)):
        merge = merge_orders(one, other, POLICY)
        assert merge.record.status is Status.PREPARING
        assert merge.record.payment_status is PaymentStatus.PAID
        assert merge.record.customer.name == "Eve"
        assert merge.loser == ahead


@given(orders(), orders())
def test_a_merge_loses_neither_cancellation_nor_payment_nor_history(one: Any, other: Any) -> None:
    merged = merge_orders(one, other, POLICY).record
    assert merged.status == max(one.status, other.status, key=list(Status).index)
    if Status.CANCELLED in (one.status, other.status):
        assert merged.status is Status.CANCELLED
    assert set(merged.payments) == {*one.payments, *other.payments}
    assert merged.payment_status is status_of(merged.payments, merged.total)
    assert set(merged.history) == {*one.history, *other.history}


@given(orders(), orders())
def test_a_merge_takes_everything_else_from_one_side_and_reports_the_other(
    one: Any, other: Any
) -> None:
    merge = merge_orders(one, other, POLICY)
    if one.notes != other.notes:
        assert merge.loser in (one, other)
        kept = other if merge.loser == one else one
        assert merge.record.notes == kept.notes
        assert merge.reason
    else:
        assert merge.record.notes == one.notes


def test_an_order_holds_its_counted_lines_until_it_is_cancelled_or_deleted() -> None:
    record = stocked_order("i", 3)
    mixed = replace(record, lines=(*record.lines, *record.lines, line(item_id="i", quantity=9)))
    assert ORDERS.reservations(mixed) == {"stock:i": 6}
    for status in Status:
        held = ORDERS.reservations(replace(record, status=status))
        assert held == ({} if status is Status.CANCELLED else {"stock:i": 3})
    assert ORDERS.reservations(replace(record, deleted=True)) == {}
