from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.replication.identity import Operation, new_id, new_op_id, same_key, same_operation


def test_new_ids_are_version_7_uuids_and_rise_with_time() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(set(made))
    assert {UUID(each).version for each in made} == {7}
    assert all(each == str(UUID(each)) for each in made)


def test_new_operations_share_no_key() -> None:
    made = [new_op_id() for _ in range(1000)]
    assert len({each[:16] for each in made}) == 1000
    assert not same_key(made[0], made[1])


def test_a_request_without_a_key_gets_ids_of_its_own() -> None:
    one, other = Operation.without_key(), Operation.without_key()
    assert one.record_id != other.record_id
    assert not same_key(one.op_id, other.op_id)


@given(st.text(), st.binary())
def test_every_try_of_a_key_arrives_at_the_same_ids(key: str, body: bytes) -> None:
    assert Operation.from_key("guest", key, body) == Operation.from_key("guest", key, body)


@given(st.binary(), st.binary())
def test_another_body_is_another_operation_under_the_same_key(one: bytes, other: bytes) -> None:
    first, second = (Operation.from_key("guest", "key", body) for body in (one, other))
    assert first.record_id == second.record_id
    assert same_key(first.op_id, second.op_id)
    assert (first.op_id == second.op_id) == (one == other)


@pytest.mark.parametrize(("scope", "key"), [("ada", "key"), ("guest", "other")])
def test_another_scope_or_key_is_another_record(scope: str, key: str) -> None:
    one, other = Operation.from_key("guest", "key", b""), Operation.from_key(scope, key, b"")
    assert one.record_id != other.record_id
    assert not same_key(one.op_id, other.op_id)


def test_a_scope_cannot_be_mistaken_for_the_beginning_of_a_key() -> None:
    one, other = Operation.from_key("a", "b\nc", b""), Operation.from_key("a\nb", "c", b"")
    assert one.record_id != other.record_id


def test_ids_made_from_keys_are_uuids_in_their_usual_form() -> None:
    operation = Operation.from_key("guest", "key", b"body")
    for made in (operation.record_id, operation.child_id("line 1")):
        assert made == str(UUID(made))
        assert made[14] == "8"
        assert made[19] in "89ab"
    assert len(operation.op_id) == len(new_op_id())


def test_tries_with_other_results_are_one_operation_and_yet_told_apart() -> None:
    operation = Operation.from_key("guest", "key", b"body")
    one, other = operation.op_id_with_outcome(850, "EUR"), operation.op_id_with_outcome(900, "EUR")
    assert one == operation.op_id_with_outcome(850, "EUR") != other
    assert same_operation(one, other)
    assert same_operation(one, operation.op_id)
    assert not same_operation(
        one, Operation.from_key("guest", "key", b"").op_id_with_outcome(850, "EUR")
    )


def test_parts_of_a_record_have_stable_ids_of_their_own() -> None:
    operation = Operation.from_key("guest", "key", b"body")
    again = Operation.from_key("guest", "key", b"body")
    assert operation.child_id("line 1") == again.child_id("line 1")
    assert operation.child_id("line 1") != operation.child_id("line 2")
    assert operation.child_id("line 1") != Operation.from_key("guest", "other", b"").child_id(
        "line 1"
    )
