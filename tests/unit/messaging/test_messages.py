"""What becomes of messages and of places in rooms that were changed in both databases at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dinerapp.accounts.errors import NotPermitted
from dinerapp.messaging.domain.conversations import CONVERSATIONS
from dinerapp.messaging.domain.members import (
    MEMBER_ROLES_BY_PERMISSION,
    MEMBERS,
    MemberPermission,
    MemberRole,
    MemberState,
)
from dinerapp.messaging.domain.messages import DIRECT_MESSAGES
from dinerapp.messaging.domain.read_markers import READ_MARKERS
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.version import StoreId
from tests.factories import at, conversation, member, message
from tests.unit.strategies import messages, reads


def merged(kind: Any, one: Any, other: Any) -> Any:
    both = [merge_states(kind, *pair, MergePolicy()) for pair in ((one, other), (other, one))]
    assert both[0] == both[1]
    return both[0]


concurrent = st.tuples(messages(deleted=False), messages(deleted=False)).filter(
    lambda pair: not (pair[0].includes(pair[1]) or pair[1].includes(pair[0]))
)


@given(concurrent)
def test_what_was_removed_on_either_side_is_removed(pair: tuple[Any, Any]) -> None:
    record = merged(DIRECT_MESSAGES, *pair).record
    assert record.is_removed == any(each.is_removed for each in pair)
    assert record.removed_at in {each.removed_at for each in pair}


@given(concurrent)
def test_what_was_erased_on_either_side_says_nothing(pair: tuple[Any, Any]) -> None:
    now = pair[0].updated_at
    erased = pair[0].redacted(now).with_changes(op_id=new_op_id(), now=now)
    erased = erased.as_accepted_by(StoreId.NOCODB)
    assert erased.is_erased
    assume(not pair[1].includes(erased))
    assert merged(DIRECT_MESSAGES, erased, pair[1]).record.is_erased


@given(concurrent.filter(lambda pair: not any(each.is_erased for each in pair)))
def test_the_later_edit_counts_and_is_nobody_elses_business(pair: tuple[Any, Any]) -> None:
    merge = merged(DIRECT_MESSAGES, *pair)
    assert merge.loser is None
    most = max(each.edits for each in pair)
    assert merge.record.edits == most
    assert merge.record.content in {each.content for each in pair if each.edits == most}
    assert merge.record.created_at == min(each.created_at for each in pair)


@given(reads(deleted=False), reads(deleted=False))
def test_whoever_has_read_further_on_either_side_has_read_that_far(one: Any, other: Any) -> None:
    if not (one.includes(other) or other.includes(one)):
        assert merged(READ_MARKERS, one, other).record.position == max(one.position, other.position)


def test_a_message_that_is_erased_keeps_its_place_and_who_removed_it() -> None:
    said = message(content="one", file_url="https://e.org", order_id=new_id())
    erased = said.redacted(at(1))
    assert (erased.content, erased.file_url, erased.order_id) == ("", None, None)
    assert (erased.removed_by, erased.removed_at) == (said.author_id, at(1))
    assert erased.redacted(at(2)) is erased
    removed = said.as_removed("moderator", op_id=new_op_id(), now=at(1))
    assert not removed.is_erased
    left = removed.redacted(at(2))
    assert (left.removed_by, left.removed_at) == ("moderator", at(1))
    assert left.is_erased


def test_a_conversation_that_both_began_at_once_is_one_and_nobody_decides() -> None:
    pair = tuple(sorted((new_id(), new_id())))
    begun = [
        conversation(id="c", user_ids=pair, started_by=user_id, created_at=at(n)).as_accepted_by(
            place
        )
        for n, (user_id, place) in enumerate(
            zip(pair, (StoreId.MONGODB, StoreId.POSTGRESQL), strict=True)
        )
    ]
    merge = merged(CONVERSATIONS, *begun)
    assert merge.loser is None
    assert merge.record.started_by in pair
    assert all(merge.record.includes(each) for each in begun)


def test_a_message_is_edited_until_it_is_removed() -> None:
    first = message(content="one")
    second = first.with_content("two", op_id=new_op_id(), now=at(1))
    assert (second.content, second.edits, second.edited_at) == ("two", 1, at(1))
    assert second.with_content("two", op_id=new_op_id(), now=at(2)) is second
    gone = second.as_removed("ada", op_id=new_op_id(), now=at(3))
    assert gone.as_removed("bob", op_id=new_op_id(), now=at(4)) is gone
    with pytest.raises(RuleViolation):
        gone.with_content("three", op_id=new_op_id(), now=at(5))


def test_whoever_was_put_out_on_one_side_is_out() -> None:
    before = replace(member(), trail=())
    out = before.as_kicked("code", op_id=new_op_id(), now=at(1))
    up = before.with_changes(op_id=new_op_id(), now=at(2), role=MemberRole.MODERATOR)
    merge = MEMBERS.merge(up, out, MergePolicy())
    assert (merge.record, merge.loser) == (out, up)
    assert MEMBERS.merge(out, up, MergePolicy()) == merge


def test_a_code_that_is_barred_lets_nobody_in_again() -> None:
    out = member(role=MemberRole.ADMIN).as_kicked("old", op_id=new_op_id(), now=at(1))
    assert "old" not in repr(out)
    with pytest.raises(NotPermitted):
        out.as_rejoined("old", op_id=new_op_id(), now=at(2))
    back = out.as_rejoined("new", op_id=new_op_id(), now=at(2))
    assert (back.state, back.role, back.joined_at) == (MemberState.ACTIVE, MemberRole.GUEST, at(2))
    assert back.as_rejoined("any", op_id=new_op_id(), now=at(3)) is back


@pytest.mark.parametrize("deed", MemberPermission)
def test_admins_of_a_server_may_do_everything_there_while_they_are_in_it(
    deed: MemberPermission,
) -> None:
    assert MemberRole.ADMIN in MEMBER_ROLES_BY_PERMISSION[deed]
    admin = member(role=MemberRole.ADMIN)
    assert admin.may(deed)
    assert not admin.as_left(op_id=new_op_id(), now=at(1)).may(deed)
