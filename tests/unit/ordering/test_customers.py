"""Who somebody is by what they order, and what is left when they were erased."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.ordering.domain.customers import (
    CUSTOMERS,
    PhoneIdentity,
    blank,
    customer_from_order,
    merge_customers,
)
from dinerapp.ordering.domain.orders import Order, OrderContact
from dinerapp.replication import codec
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.version import StoreId
from tests.factories import at, customer, order

P, M, _ = StoreId
PHONE = "+4930123"
BERLIN = PhoneIdentity("a secret", "DE")


def ordered(seconds: float, name: str = "Ada", email: str | None = None) -> Order:
    given = OrderContact(name=name, phone="030 123", email=email, phone_key=PHONE)
    return order(customer=given, created_at=at(seconds))


def seen(known: Any, *orders: Order) -> Any:
    for each in orders:
        known = known.with_order(each, PHONE, op_id=new_op_id(), now=at(99))
    return known


def first(of: Order) -> Any:
    return customer_from_order(BERLIN.id_of(PHONE), of, PHONE, op_id=new_op_id())


def erased(known: Any, seconds: float) -> Any:
    return blank(known, at(seconds)).with_changes(op_id=new_op_id(), now=at(seconds))


def test_a_customer_is_one_in_every_process_that_has_the_secret() -> None:
    again = PhoneIdentity("a secret", "DE")
    assert BERLIN.id_of(BERLIN.phone("030 123")) == again.id_of(again.phone("+49 30 123"))
    assert BERLIN.id_of(PHONE) != PhoneIdentity("another", "DE").id_of(PHONE)
    assert BERLIN.id_of(PHONE) != BERLIN.id_of("+4930124")


@given(st.text(), st.text())
def test_every_customer_has_an_id_that_stores_take(secret: str, phone: str) -> None:
    record_id = PhoneIdentity(secret, "DE").id_of(phone)
    assert codec.canonical(customer(id=record_id)).id == record_id
    assert record_id[14] == "8"


def test_a_new_order_tells_name_address_and_when() -> None:
    known = first(ordered(0, "Ada", "Ada@Example.org"))
    assert (known.name, known.email) == ("Ada", "ada@example.org")
    later = seen(known, ordered(5, "Ada L.", "al@example.org"))
    assert (later.name, later.email) == ("Ada L.", "al@example.org")
    assert (later.first_seen, later.last_seen) == (at(0), at(5))


def test_an_older_order_tells_only_that_they_are_known_for_longer() -> None:
    known = first(ordered(5, "Ada L.", "al@example.org"))
    earlier = seen(known, ordered(0, "Ada", "ada@example.org"))
    assert (earlier.name, earlier.email) == ("Ada L.", "al@example.org")
    assert (earlier.first_seen, earlier.last_seen) == (at(0), at(5))


def test_an_order_without_an_address_takes_none_away() -> None:
    known = seen(first(ordered(0, email="ada@example.org")), ordered(1))
    assert known.email == "ada@example.org"


def test_an_order_that_says_nothing_new_changes_nothing() -> None:
    known = seen(first(ordered(0)), ordered(9))
    for seconds in (0, 3, 9):
        assert seen(known, ordered(seconds)) is known


def test_nothing_is_left_of_who_was_erased_but_when() -> None:
    known = replace(first(ordered(0, "Ada", "ada@example.org")), notes="sits by the window")
    left = erased(known, 5)
    assert left.is_erased
    assert not ({"Ada", "ada@example.org", PHONE, "sits by the window"} & set(texts(left)))
    assert {left.first_seen, left.last_seen, left.erased_at} == {at(5)}


def test_whoever_orders_after_they_were_erased_is_new() -> None:
    left = erased(replace(first(ordered(0, "Ada", "ada@example.org")), notes="window"), 5)
    again = seen(left, ordered(6, "Eve"))
    assert (again.phone, again.name, again.email, again.notes) == (PHONE, "Eve", None, "")
    assert (again.first_seen, again.last_seen) == (at(6), at(6))
    assert seen(again, ordered(4, "Ada")) is again


def test_an_order_from_before_the_erasure_brings_nobody_back() -> None:
    left = erased(first(ordered(0)), 5)
    assert seen(left, ordered(1), ordered(5)) is left


def test_two_stores_that_were_cut_off_make_one_record_of_one_order() -> None:
    placed = ordered(0)
    here, there = (replace(first(placed), op_id="o" * 32).as_accepted_by(place) for place in (P, M))
    merge = merge_states(CUSTOMERS, here, there, MergePolicy())
    assert merge.loser is None
    assert (merge.record.name, merge.record.last_seen) == ("Ada", at(0))


def cut_off(base: Any) -> tuple[Any, Any]:
    """The state as it is in both stores."""
    stored = base.as_accepted_by(P)
    return stored, stored


def test_of_two_stores_the_one_with_the_later_order_knows_who_they_are() -> None:
    here, there = cut_off(first(ordered(0)))
    here = seen(here, ordered(5, "Ada L.", "al@example.org")).as_accepted_by(P)
    there = seen(there, ordered(-5), ordered(3, "Countess")).as_accepted_by(M)
    merge = merge_states(
        CUSTOMERS, here, there, MergePolicy(priority={P: 1, M: 9, StoreId.NOCODB: 1})
    )
    known = merge.record
    assert merge.loser is None
    assert (known.name, known.email) == ("Ada L.", "al@example.org")
    assert (known.first_seen, known.last_seen) == (at(-5), at(5))


def test_notes_that_lose_are_reported() -> None:
    here, there = cut_off(first(ordered(0)))
    here = here.with_changes(op_id=new_op_id(), now=at(1), notes="no nuts").as_accepted_by(P)
    there = there.with_changes(op_id=new_op_id(), now=at(2), notes="no dairy").as_accepted_by(M)
    merge = merge_states(CUSTOMERS, here, there, MergePolicy())
    assert merge.record.notes == "no dairy"
    assert merge.loser == here
    assert merge.reason


@pytest.mark.parametrize("policy", [MergePolicy(), MergePolicy("last_write_wins")])
@pytest.mark.parametrize("place", [P, M])
def test_who_was_erased_in_one_store_is_nobody_in_both_and_nothing_is_reported(
    policy: MergePolicy, place: StoreId
) -> None:
    here, there = cut_off(first(ordered(0, "Ada", "ada@example.org")))
    here = erased(here, 5).as_accepted_by(place)
    other = M if place is P else P
    there = seen(there, ordered(4, "Ada L.")).with_changes(
        op_id=new_op_id(), now=at(9), notes="sits by the window"
    )
    merge = merge_states(CUSTOMERS, here, there.as_accepted_by(other), policy)
    assert merge.record.is_erased
    assert merge.record.erased_at == at(5)
    assert merge.loser is None
    assert not ({"Ada", "Ada L.", "ada@example.org", PHONE} & set(texts(merge.record)))


def test_who_is_known_again_stays_so_when_the_store_that_was_away_comes_back() -> None:
    here, there = cut_off(first(ordered(0, "Ada", "ada@example.org")))
    here = erased(here, 5).as_accepted_by(P)
    here = seen(here, ordered(6, "Eve")).as_accepted_by(P)
    there = seen(there, ordered(4, "Ada L.")).as_accepted_by(M)
    merge = merge_states(CUSTOMERS, here, there, MergePolicy("last_write_wins"))
    assert (merge.record.phone, merge.record.name, merge.record.email) == (PHONE, "Eve", None)
    assert merge.loser is None


RECORD_ID = new_id()
moments = st.integers(0, 6).map(at)
states = st.builds(
    lambda known, first_seen, notes, name, erased_at: customer(
        id=RECORD_ID,
        phone=PHONE if known or erased_at is None else "",
        name=name,
        notes=notes,
        first_seen=first_seen,
        last_seen=at(7),
        erased_at=erased_at,
        source=P,
    ),
    st.booleans(),
    moments,
    st.sampled_from(["", "a"]),
    st.sampled_from("bc"),
    st.none() | moments,
)


@given(states, states)
def test_nobody_comes_back_by_a_merge_who_did_not_order_since(one: Any, other: Any) -> None:
    merged = merge_customers(one, other, MergePolicy())
    assert merge_customers(one, other, MergePolicy()) == merged
    erasures = [side.erased_at for side in (one, other) if side.erased_at]
    assert merged.record.erased_at == max(erasures, default=None)
    knowing = [s for s in (one, other) if s.phone and s.erased_at == merged.record.erased_at]
    assert merged.record.is_erased == (not knowing)
    assert merged.record.name in ({side.name for side in knowing} or {"", one.name, other.name})


def texts(record: Any) -> list[Any]:
    """Everything the record says, its id among it."""
    return [getattr(record, each.name) for each in fields(record)]
