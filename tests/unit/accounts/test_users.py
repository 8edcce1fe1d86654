"""What becomes of an account that was changed, or logged in to, in two databases at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import (
    MAX_EDITS,
    MAX_SESSIONS,
    REPEAT_WINDOW,
    USERS,
    User,
    normalise_email,
)
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.kind import MergeResult
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.version import StoreId
from tests.factories import at, session, user
from tests.unit.strategies import users

P, M = StoreId.POSTGRESQL, StoreId.MONGODB
ONE_ID = new_id()
DAY = timedelta(days=1)


def made(**fields: Any) -> User:
    """A user as both stores hold them."""
    return user(edits=("0" * 32,), **fields).as_accepted_by(P)


def edited(one: User, store_id: StoreId, seconds: float, **fields: Any) -> User:
    return one.with_edit(op_id=new_op_id(), now=at(seconds), **fields).as_accepted_by(store_id)


def refreshed(one: User, store_id: StoreId, seconds: float) -> User:
    [login, *_] = one.sessions
    now = at(seconds)
    rotated = one.with_rotation(
        login, login.generation, op_id=new_op_id(), now=now, expires_at=now + DAY
    )
    return rotated.as_accepted_by(store_id)


def met(one: User, other: User) -> MergeResult[User]:
    """Their merge, which is the same from both sides."""
    merge = merge_states(USERS, one, other, MergePolicy())
    assert merge == merge_states(USERS, other, one, MergePolicy())
    return merge


def open_sessions(one: User) -> Mapping[str, int]:
    return {each.id: each.generation for each in one.sessions if not each.revoked}


def test_logins_on_both_sides_are_kept_and_are_no_conflict() -> None:
    base = made()
    here, there = (
        base.with_session(session(created_at=at(n)), op_id=new_op_id(), now=at(n)).as_accepted_by(
            place
        )
        for n, place in enumerate((P, M), 1)
    )
    merge = met(here, there)
    assert merge.loser is None
    wanted = {*open_sessions(here), *open_sessions(there)}
    assert set(open_sessions(merge.record)) == wanted


def test_the_further_refresh_counts() -> None:
    base = made()
    once = refreshed(base, P, 1)
    twice = refreshed(refreshed(base, M, 1), M, 2)
    merge = met(once, twice)
    assert merge.loser is None
    assert list(open_sessions(merge.record).values()) == [3]


def test_a_logout_on_one_side_outlives_refreshes_on_the_other() -> None:
    base = made()
    left = base.without_session(base.sessions[0].id, op_id=new_op_id(), now=at(1)).as_accepted_by(P)
    merge = met(left, refreshed(refreshed(base, M, 2), M, 3))
    assert (merge.loser, open_sessions(merge.record)) == (None, {})


@pytest.mark.parametrize("fields", [{"name": "Grace"}, {"active": False}, {"role": Role.CHEF}])
def test_a_change_is_not_lost_to_a_refresh_that_came_later(fields: dict[str, Any]) -> None:
    base = made()
    changed = edited(base, P, 1, **fields)
    merge = met(changed, refreshed(base, M, 9))
    assert merge.loser is None
    assert {name: getattr(merge.record, name) for name in fields} == fields
    assert list(open_sessions(merge.record).values()) == [2]


def test_an_account_that_was_opened_again_stays_so_whoever_logged_in_elsewhere() -> None:
    closed = made(active=False)
    again = edited(closed, P, 1, active=True)
    merge = met(again, refreshed(closed, M, 9))
    assert (merge.loser, merge.record.active) == (None, True)


def test_who_was_closed_out_on_one_side_is_closed_out_whatever_else_was_changed() -> None:
    base = made()
    closed, renamed = edited(base, P, 1, active=False), edited(base, M, 9, name="Grace")
    merge = met(closed, renamed)
    assert (merge.record.active, merge.record.name) == (False, "Grace")
    assert merge.loser == closed


def test_two_changes_at_once_follow_the_policy_and_the_other_one_is_reported() -> None:
    base = made()
    here, there = edited(base, P, 1, name="Grace"), edited(base, M, 2, phone="+4930")
    merge = met(here, there)
    assert (merge.record.name, merge.record.phone) == ("Ada", "+4930")
    assert merge.loser == here
    assert merge.reason.startswith("source_priority")


def test_the_later_password_counts_whoever_wins_otherwise() -> None:
    base = made()
    secured = edited(base, P, 1, password_hash="new", password_changed_at=at(1))
    merge = met(secured, edited(base, M, 2, name="Grace"))
    assert (merge.record.name, merge.record.password_hash) == ("Grace", "new")


def test_one_registration_tried_on_both_sides_is_one_account_without_a_conflict() -> None:
    first = user(id=ONE_ID, op_id="1" * 32, edits=("1" * 32,), sessions=())
    second = replace(first, password_hash="other salt", password_changed_at=at(1))
    assert met(first.as_accepted_by(P), second.as_accepted_by(M)).loser is None


def test_what_was_merged_is_known_to_contain_both_changes() -> None:
    base = made()
    here, there = edited(base, P, 1, name="Grace"), edited(base, M, 2, phone="+4930")
    both = met(here, there).record
    for late in (refreshed(here, P, 3), refreshed(there, M, 3)):
        merge = met(refreshed(both, M if late.source is P else P, 4), late)
        assert merge.loser is None
        assert merge.record.phone == "+4930"


def test_only_so_many_edits_and_sessions_are_remembered() -> None:
    one = made()
    for number in range(3 * MAX_SESSIONS):
        login = session(created_at=at(number))
        one = one.with_session(login, op_id=new_op_id(), now=at(number))
        one = one.with_edit(op_id=new_op_id(), now=at(number), name=str(number))
    assert (len(one.sessions), len(one.edits)) == (MAX_SESSIONS, MAX_EDITS)
    assert one.sessions[-1] == login


def test_what_has_expired_is_forgotten_at_the_next_login() -> None:
    one = made()
    later = session(created_at=at(7200))
    one = one.with_session(later, op_id=new_op_id(), now=at(7200))
    assert one.sessions == (later,)


@pytest.mark.parametrize(
    ("generation", "seconds", "becomes"),
    [
        (5, 60, (6, False)),
        (4, 0, (5, False)),
        (4, REPEAT_WINDOW.total_seconds(), (5, False)),
        (4, REPEAT_WINDOW.total_seconds() + 1, (5, True)),
        (3, 0, (5, True)),
        (8, 60, (9, False)),
    ],
)
def test_a_refresh_token_rotates_is_answered_again_or_ends_the_session(
    generation: int, seconds: float, becomes: tuple[int, bool]
) -> None:
    login = session(generation=5)
    one = made(sessions=(login,))
    now = at(seconds)
    after = one.with_rotation(login, generation, op_id=new_op_id(), now=now, expires_at=now + DAY)
    [session_after] = after.sessions
    assert (session_after.generation, session_after.revoked) == becomes


@settings(max_examples=300, deadline=None)
@given(users(id=ONE_ID), users(id=ONE_ID))
def test_no_merge_opens_what_either_side_had_ended(one: User, other: User) -> None:
    merge = merge_states(USERS, one, other, MergePolicy())
    assert merge == merge_states(USERS, other, one, MergePolicy())
    if merge.record.deleted or one.includes(other) or other.includes(one):
        return
    ended = {each.id for side in (one, other) for each in side.sessions if each.revoked}
    assert not ended & set(open_sessions(merge.record))
    assert merge_states(USERS, merge.record, replace(merge.record), MergePolicy()) == MergeResult(
        merge.record
    )


@given(st.text(max_size=30))
def test_an_address_that_is_normalised_stays_as_it_is(text: str) -> None:
    assert normalise_email(normalise_email(text)) == normalise_email(text)
