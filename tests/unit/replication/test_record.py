from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.replication.identity import new_op_id
from dinerapp.replication.record import (
    MAX_APPLIED_PER_STORE,
    AppliedOperation,
    applied_window,
    truncate_to_milliseconds,
    utc_now,
)
from dinerapp.replication.version import StoreId, Version
from tests.factories import at, menu_item
from tests.unit.strategies import databases, menu_items, records, trails

P, M, N = StoreId
LONGEST_TRAIL = 1 + MAX_APPLIED_PER_STORE * len(StoreId)


def after(record: Any, *places: StoreId) -> Any:
    """The record after one more write at each of the places."""
    for place in places:
        record = record.with_changes(
            op_id=new_op_id(), now=at(), price=record.price + 1
        ).as_accepted_by(place)
    return record


def test_a_place_stamps_what_it_accepts() -> None:
    record = menu_item()
    stamped = record.as_accepted_by(M)
    assert stamped.version == Version(mongodb=1)
    assert stamped.source is M
    assert stamped.trail == (AppliedOperation(M, 1, record.op_id),)
    assert replace(stamped, version=Version(), source=None, trail=()) == record


def test_a_change_is_always_later_than_what_it_changes() -> None:
    record = menu_item(updated_at=at(10))
    for now in (at(0), at(10), at(10.0005)):
        changed = record.with_changes(op_id="o", now=now, price=7)
        assert changed.updated_at > record.updated_at
        assert changed.version == record.version
    assert record.with_changes(op_id="o", now=at(20)).updated_at == at(20)


def test_an_operation_is_remembered_with_its_key() -> None:
    record = menu_item(op_id="0" * 16 + "a" * 16).as_accepted_by(P)
    assert record.has_applied("0" * 16 + "a" * 16)
    assert not record.has_applied("0" * 16 + "b" * 16)
    assert record.has_applied_key_of("0" * 16 + "b" * 16)
    assert not record.has_applied_key_of("1" * 32)


def test_the_first_operation_is_remembered_for_ever() -> None:
    first = menu_item().as_accepted_by(P)
    assert after(first, *[P, M, N] * 50).has_applied(first.op_id)


def test_the_latest_operations_of_each_place_are_remembered() -> None:
    record = after(menu_item().as_accepted_by(P), *[P] * 5, *[M] * 5)
    assert [(step.store_id, step.counter) for step in record.trail] == [
        (P, 1),
        *[(P, counter) for counter in (4, 5, 6)],
        *[(M, counter) for counter in (3, 4, 5)],
    ]


@given(st.lists(st.sampled_from(StoreId), max_size=40))
def test_a_trail_stays_short_and_keeps_its_first_and_last_step(written: list[StoreId]) -> None:
    first = menu_item().as_accepted_by(P)
    last = after(first, *written)
    assert len(last.trail) <= LONGEST_TRAIL
    assert last.trail[0] == first.trail[0]
    assert last.has_applied(last.op_id)


@given(trails)
def test_a_shortened_trail_is_short_and_cannot_be_shortened_further(
    trail: tuple[AppliedOperation, ...],
) -> None:
    short = applied_window(trail)
    assert short[0] == trail[0]
    assert len(short) <= LONGEST_TRAIL
    assert len(set(short)) == len(short)
    assert applied_window(short) == short


@given(menu_items(), menu_items())
def test_a_join_contains_both_pasts_whichever_way_it_is_made(one: Any, other: Any) -> None:
    joined, turned = one.with_history_of(other), other.with_history_of(one)
    for name in ("version", "trail", "created_at"):
        assert getattr(joined, name) == getattr(turned, name)
    assert len(joined.trail) <= LONGEST_TRAIL
    assert joined.version.dominates(one.version)
    assert joined.version.dominates(other.version)
    assert joined.price == one.price
    assert joined.with_history_of(other) == joined
    assert joined.with_history_of(one) == joined


def test_records_that_were_never_stored_can_be_joined() -> None:
    one, other = menu_item(), menu_item()
    assert one.with_history_of(other).trail == ()


@given(records)
def test_a_state_includes_itself(record: Any) -> None:
    assert record.includes(record)


def test_a_later_state_includes_an_earlier_one_and_not_the_other_way_round() -> None:
    earlier = menu_item().as_accepted_by(P)
    later = after(earlier, M, P)
    assert later.includes(earlier)
    assert not earlier.includes(later)


def test_concurrent_states_do_not_include_each_other() -> None:
    base = menu_item().as_accepted_by(P)
    ours, theirs = after(base, P), after(base, M)
    assert not ours.includes(theirs)
    assert not theirs.includes(ours)


def test_a_creation_tried_on_both_databases_is_recognised_as_one() -> None:
    record = menu_item()
    first, second = record.as_accepted_by(P), record.as_accepted_by(M)
    assert first.includes(second)
    assert second.includes(first)


@pytest.mark.parametrize("more", [[P], [P, P], [P, P, P], [P, P, P, P]])
def test_a_creation_tried_on_both_is_recognised_after_later_writes_on_one(
    more: list[StoreId],
) -> None:
    record = menu_item()
    first, second = record.as_accepted_by(P), record.as_accepted_by(M)
    later = after(first, *more)
    assert later.includes(second)
    assert not second.includes(later)


@given(databases, st.integers(0, MAX_APPLIED_PER_STORE - 1))
def test_a_change_tried_on_both_is_recognised_after_later_writes_on_one(
    place: StoreId, more: int
) -> None:
    other = M if place is P else P
    base = after(menu_item().as_accepted_by(P), M, P)
    change = base.with_changes(op_id=new_op_id(), now=at(), price=1)
    first, second = change.as_accepted_by(place), change.as_accepted_by(other)
    later = after(first, *[place] * more)
    assert later.includes(second)
    assert second.includes(later) == (more == 0)


def test_what_is_no_longer_remembered_is_not_assumed_to_be_included() -> None:
    base = menu_item().as_accepted_by(P)
    change = base.with_changes(op_id=new_op_id(), now=at(), price=1)
    first, second = change.as_accepted_by(P), change.as_accepted_by(M)
    much_later = after(first, *[P] * MAX_APPLIED_PER_STORE)
    assert not much_later.includes(second)


def test_a_state_with_forgotten_writes_is_not_assumed_to_be_included() -> None:
    base = menu_item().as_accepted_by(P)
    forgetful = after(base, *[M] * (MAX_APPLIED_PER_STORE + 1))
    latest = [step.op_id for step in forgetful.trail if step.store_id is M]
    tried_here_too = base
    for op_id in latest:
        tried_here_too = tried_here_too.with_changes(op_id=op_id, now=at()).as_accepted_by(P)
    assert all(tried_here_too.has_applied(op_id) for op_id in latest)
    assert not tried_here_too.includes(forgetful)


def test_a_write_after_the_one_tried_twice_is_not_included() -> None:
    record = menu_item()
    first, second = record.as_accepted_by(P), record.as_accepted_by(M)
    assert not first.includes(after(second, M))


def test_moments_are_cut_to_milliseconds_in_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    assert truncate_to_milliseconds(at(0.001999).astimezone(zone)) == at(0.001)
    assert truncate_to_milliseconds(at().astimezone(zone)).utcoffset() == timedelta(0)
    assert utc_now().microsecond % 1000 == 0
