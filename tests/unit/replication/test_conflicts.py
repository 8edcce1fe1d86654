from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given

from dinerapp.replication import codec, conflicts
from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.identity import new_id
from dinerapp.replication.version import StoreId
from tests.factories import at, menu_item, order
from tests.unit.strategies import orders

ONE_ID = new_id()


def test_a_conflict_keeps_both_states_and_why_one_won() -> None:
    winner, loser = (menu_item(id=ONE_ID, price=p).as_accepted_by(StoreId.MONGODB) for p in (1, 2))
    filed = conflicts.from_states("menu_items", winner, loser, "because", at())
    assert (filed.about, filed.record_id, filed.reason) == ("menu_items", ONE_ID, "because")
    assert (filed.winner["price"], filed.loser["price"]) == (1, 2)
    assert filed.state is ConflictState.OPEN


def test_a_conflict_is_the_same_wherever_and_however_often_it_is_found() -> None:
    winner, loser = (menu_item(id=ONE_ID, price=p).as_accepted_by(StoreId.MONGODB) for p in (1, 2))
    first, again = (conflicts.from_states("menu_items", winner, loser, "", at(n)) for n in (1, 2))
    other = conflicts.from_states("menu_items", loser, winner, "", at())
    assert (first.id, first.op_id) == (again.id, again.op_id)
    assert first.id != other.id
    assert first.id != first.op_id


def test_an_oversold_thing_is_one_conflict_per_limit() -> None:
    first = conflicts.from_oversold("stock:i:1", reserved=7, limit=5, now=at())
    again = conflicts.from_oversold("stock:i:1", reserved=8, limit=5, now=at(1))
    raised = conflicts.from_oversold("stock:i:1", reserved=8, limit=6, now=at(1))
    assert (first.about, first.record_id) == ("stock", "i:1")
    assert (first.winner, first.loser) == ({"held": 7}, {"ceiling": 5})
    assert first.id == again.id != raised.id


def test_a_double_booking_is_one_conflict_of_two_records_whatever_becomes_of_them() -> None:
    one, other = (menu_item(price=p).as_accepted_by(StoreId.MONGODB) for p in (1, 2))
    filed = conflicts.from_double_booking("menu_items", one, other, "table:4", 1, at())
    assert (filed.about, filed.record_id) == ("menu_items", one.id)
    assert (filed.winner["id"], filed.loser["id"]) == (one.id, other.id)
    assert filed.reason == "both hold table:4, but only 1 of it may be held"
    changed = other.with_changes(op_id=new_id(), now=at(5), price=9)
    again = conflicts.from_double_booking("menu_items", changed, one, "table:5", 1, at(9))
    assert (filed.id, filed.op_id) == (again.id, again.op_id)
    alone = conflicts.from_states("menu_items", one, other, filed.reason, at())
    assert filed.id not in (alone.id, filed.op_id)


@given(orders(id=ONE_ID), orders(id=ONE_ID))
def test_a_conflict_comes_back_from_json_as_it_was(one: Any, other: Any) -> None:
    filed = codec.canonical(conflicts.from_states("orders", one, other, "why", at()))
    text = msgspec.json.encode(codec.dump(filed))
    assert codec.load(conflicts.Conflict, json.loads(text)) == filed


def test_the_losing_order_can_be_read_from_its_conflict() -> None:
    one, other = (
        order(2, id=ONE_ID).as_accepted_by(place) for place in (StoreId.POSTGRESQL, StoreId.MONGODB)
    )
    filed = codec.canonical(conflicts.from_states("orders", one, other, "why", at()))
    assert codec.load(type(one), filed.loser) == other
