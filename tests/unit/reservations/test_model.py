"""Steps and moves of reservations, what they take of tables, and how two states become one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.errors import NotPermitted
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.events import lifecycle_topics
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.version import StoreId
from dinerapp.reservations.model import (
    OFF,
    OVER,
    RESERVATIONS,
    STEPS,
    Reservation,
    Stage,
    events_of,
    half_hours,
)
from tests.contracts.samples import accepted_again_by, accepted_by
from tests.factories import at, reservation, table
from tests.unit.replication.test_merging import TwoStores, erased, histories

P, M, _ = StoreId
TABLES = [table() for _ in range(3)]
BEGUN = reservation(op_id="f" * 32, notes="window")


@pytest.mark.parametrize("status", Stage)
@pytest.mark.parametrize("before", Stage)
def test_a_step_that_does_not_exist_is_refused(before: Stage, status: Stage) -> None:
    found = reservation(status=before)
    if status in STEPS.get(before, {}):
        assert found.with_status(status, Role.ADMIN, "because", at()).status is status
    else:
        with pytest.raises(RuleViolation) as refused:
            found.with_status(status, Role.ADMIN, None, at())
        assert refused.value.field == "status"


@pytest.mark.parametrize("role", [None, *Role])
def test_guests_only_cancel_and_cooks_do_nothing(role: Role | None) -> None:
    taken = set()
    for status in Stage:
        try:
            taken.add(reservation().with_status(status, role, None, at()).status)
        except (NotPermitted, RuleViolation):
            continue
    everything = set(STEPS[Stage.REQUESTED])
    cancel = {Stage.CANCELLED}
    expected = {
        None: cancel,
        Role.CUSTOMER: cancel,
        Role.CASHIER: {*cancel, Stage.CONFIRMED},
    }
    assert taken == (set() if role is Role.CHEF else expected.get(role, everything))


def test_it_takes_each_half_hour_that_it_begins() -> None:
    begin = at(1800)
    assert half_hours("t", begin, begin + timedelta(minutes=60)) == {
        "table:t@2036-05-01T12:30Z",
        "table:t@2036-05-01T13:00Z",
    }
    assert len(half_hours("t", begin, begin + timedelta(minutes=61))) == 3
    assert half_hours("t", begin, begin) == frozenset()


@pytest.mark.parametrize("status", Stage)
def test_what_is_over_takes_no_table_and_is_not_moved(status: Stage) -> None:
    found = reservation(status=status)
    assert bool(RESERVATIONS.reservations(found)) is (status not in OVER)
    if status in OVER:
        with pytest.raises(RuleViolation):
            found.at_table(TABLES[0], at(), 2, "b" * 32)
    else:
        assert found.at_table(TABLES[0], at(), 2, "b" * 32).moves == ("b" * 32,)


def test_staying_where_it_is_is_no_move() -> None:
    found = reservation().at_table(TABLES[0], at(), 2, "a" * 32)
    assert found.at_table(TABLES[0], at(), 2, "b" * 32) is found


def test_what_is_left_of_a_guest_says_nothing_of_them() -> None:
    full = reservation(email="a@b.de", notes="n", reason="r", user_id="u")
    left = full.redacted(at(9))
    assert (left.name, left.phone) == ("", "")
    assert {left.email, left.notes, left.reason, left.user_id} == {None}
    assert left.redacted(at(10)) is left
    assert RESERVATIONS.reservations(left) == RESERVATIONS.reservations(full)


def test_its_events_say_nothing_of_the_guest_and_are_the_same_whenever_they_are_told() -> None:
    made = reservation(email="a@b.de", notes="window").as_accepted_by(P)
    [created] = events_of(made)
    seated = made.with_status(Stage.SEATED, Role.ADMIN, "early", at(60))
    again, changed = events_of(seated)
    assert (created.topic, changed.topic) == lifecycle_topics("reservation")
    assert (again.id, changed.at) == (created.id, at(60))
    assert changed.id == [*events_of(seated.redacted(at(99)))][1].id
    told = changed.payload["reservation"]
    assert told["status"] == "seated"
    for personal in ("Ada", "a@b.de", "window", "early", made.phone):
        assert personal not in str(changed.payload)


@st.composite
def changes(draw: st.DrawFn, record: Any, number: int) -> Any:
    """A step, a move, other notes, or the guest is to be forgotten."""
    now, op_id = at(draw(st.integers(0, 20))), f"{number:032x}"
    match draw(st.sampled_from(["step", "step", "move", "notes", "erasure"])):
        case "step" if record.status in STEPS:
            status = draw(st.sampled_from(sorted(STEPS[record.status])))
            changed = record.with_status(status, Role.ADMIN, draw(st.sampled_from("ab")), now)
        case "move" if record.status not in OVER:
            changed = record.at_table(draw(st.sampled_from(TABLES)), at(3600), 2, op_id)
        case "erasure":
            return erased(record, record.redacted(now), op_id=op_id, now=now)
        case _ if record.erased_at is None:
            return record.with_changes(op_id=op_id, now=now, notes=draw(st.sampled_from("abc")))
        case _:
            return record
    if changed is record:
        return record
    return changed.with_changes(op_id=op_id, now=now)


reservation_histories = histories(RESERVATIONS, BEGUN, changes)


@settings(max_examples=300)
@given(reservation_histories)
def test_stores_that_exchange_their_states_end_with_equal_records(stores: TwoStores) -> None:
    stores.assert_convergence()


@settings(max_examples=300)
@given(reservation_histories)
def test_nobody_who_was_forgotten_comes_back_and_no_step_is_taken_back(stores: TwoStores) -> None:
    stores.exchange(M)
    end = stores.held[P]
    assert (end.erased_at is not None) == any(state.erased_at for state in stores.accepted)
    if end.erased_at is not None:
        assert (end.name, end.phone, end.notes) == ("", "", None)
    ranks = [*Stage]
    assert ranks.index(end.status) == max(ranks.index(it.status) for it in stores.accepted)


@settings(max_examples=300)
@given(reservation_histories)
def test_what_is_overruled_is_reported(stores: TwoStores) -> None:
    """A move that lost, or a calling off that only one side knew of."""
    stores.exchange(P)
    end = stores.held[P]
    for state in stores.accepted:
        followed = any(
            later is not state and later.version != state.version and later.includes(state)
            for later in [*stores.accepted, *stores.lost]
        )
        reported = any(lost.includes(state) for lost in stores.lost)
        moved_on = {*state.moves} < {*end.moves}
        kept = moved_on or (state.table_id, state.starts_at) == (end.table_id, end.starts_at)
        assert followed or reported or kept


def concurrent(one: Reservation, other: Reservation) -> tuple[Reservation, Reservation]:
    base = accepted_by(BEGUN, P)
    steps = ("status", "reason", "table_id", "starts_at", "ends_at", "party_size", "moves")
    fields = (*steps, "name", "phone", "email", "notes", "user_id", "erased_at")
    return tuple(
        accepted_again_by(base, place, **{name: getattr(state, name) for name in fields})
        for place, state in ((P, one), (M, other))
    )


@pytest.mark.parametrize("one", Stage)
@pytest.mark.parametrize("other", Stage)
def test_called_off_on_one_side_only_is_a_conflict(one: Stage, other: Stage) -> None:
    states = concurrent(reservation(status=one), reservation(status=other))
    if one is other:
        return
    merge = merge_states(RESERVATIONS, *states, MergePolicy())
    ranks = [*Stage]
    assert merge.record.status is max(one, other, key=ranks.index)
    if (one in OFF) is not (other in OFF):
        behind = min(one, other, key=ranks.index)
        assert merge.loser is not None
        assert merge.loser.status is behind
        assert merge.reason.startswith(f"{behind} in one database")


@pytest.mark.parametrize("status", [Stage.SEATED, Stage.CANCELLED])
def test_a_guest_who_is_erased_in_one_state_is_in_no_conflict(status: Stage) -> None:
    here, there = concurrent(
        reservation(status=status).redacted(at(1)), reservation(status=Stage.NO_SHOW)
    )
    merge = merge_states(RESERVATIONS, here, there, MergePolicy())
    sides = [merge.record] if merge.loser is None else [merge.record, merge.loser]
    assert {(side.name, side.phone, side.email) for side in sides} == {("", "", None)}


def test_two_erasures_are_no_conflict() -> None:
    known = reservation()
    states = concurrent(known.redacted(at(1)), known.redacted(at(2)))
    merge = merge_states(RESERVATIONS, *states, MergePolicy())
    assert merge.loser is None
    assert merge.record.erased_at == at(2)
