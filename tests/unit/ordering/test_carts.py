"""What becomes of two states of a cart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dinerapp.ordering.domain.carts import Cart, CartState, merge_carts
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.version import StoreId
from tests.factories import at, cart, cart_line

POLICY = MergePolicy()


def later(before: Cart, after: Cart, store_id: StoreId, seconds: int = 1) -> Cart:
    return after.with_changes(op_id=new_op_id(), now=at(seconds)).as_accepted_by(store_id)


@pytest.fixture
def base() -> Cart:
    return cart().as_accepted_by(StoreId.MONGODB)


def both(one: Cart, other: Cart) -> Cart:
    """Merged, which comes out the same from either side."""
    merged = merge_carts(one, other, POLICY)
    again = merge_carts(other, one, POLICY)
    assert (set(merged.record.lines), merged.loser) == (set(again.record.lines), again.loser)
    assert replace(merged.record, lines=()) == replace(again.record, lines=())
    return merged.record


def test_lines_of_both_sides_are_united(base: Cart) -> None:
    two, three = cart_line(), cart_line()
    one = later(base, base.with_lines([two]), StoreId.MONGODB)
    other = later(base, base.with_lines([three]), StoreId.POSTGRESQL)
    assert set(both(one, other).lines) == {*base.lines, two, three}


def test_the_latest_revision_of_a_line_counts(base: Cart) -> None:
    line = base.lines[0].id
    one = later(base, base.with_quantity(line, 5).with_quantity(line, 6), StoreId.MONGODB)
    other = later(base, base.with_quantity(line, 2), StoreId.POSTGRESQL, 9)
    assert [line.quantity for line in both(one, other).lines] == [6]


def test_what_was_taken_out_stays_out(base: Cart) -> None:
    gone = later(base, base.with_quantity(base.lines[0].id, 0), StoreId.MONGODB)
    more = later(base, base.with_lines([cart_line()]), StoreId.POSTGRESQL)
    assert [line.id for line in both(gone, more).active_lines] == [more.lines[1].id]


def test_one_that_was_ordered_stays_as_it_was_ordered(base: Cart) -> None:
    ordered = later(base, base.closed_as(CartState.ORDERED, new_id()), StoreId.MONGODB)
    more = later(base, base.with_lines([cart_line()]), StoreId.POSTGRESQL, 9)
    merged = merge_carts(ordered, more, POLICY)
    assert both(ordered, more) == ordered
    assert merged.loser == more
    assert merged.reason == "the cart was ordered meanwhile"


def test_a_cart_joined_on_one_side_and_ordered_on_the_other_was_ordered(base: Cart) -> None:
    ordered = later(base, base.closed_as(CartState.ORDERED, new_id()), StoreId.MONGODB)
    joined = later(base, base.closed_as(CartState.JOINED, new_id()), StoreId.POSTGRESQL, 9)
    assert both(joined, ordered) == ordered


def test_a_cart_is_taken_in_once(base: Cart) -> None:
    other = cart()
    both_times = base.with_cart(other).with_cart(other)
    assert both_times.lines == (*base.lines, *other.lines)
    assert both_times.absorbed == (other.id,)


@pytest.mark.parametrize("state", [CartState.ORDERED, CartState.JOINED])
def test_nothing_is_put_into_what_it_has_become(base: Cart, state: CartState) -> None:
    gone = base.closed_as(state, new_id())
    with pytest.raises(RuleViolation):
        gone.with_lines([cart_line()])
    with pytest.raises(RuleViolation):
        gone.with_quantity(gone.lines[0].id, 3)
    with pytest.raises(RuleViolation):
        gone.with_cart(cart())
