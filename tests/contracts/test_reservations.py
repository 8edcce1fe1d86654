"""The contract of `Reservations`: who has a table when, and that nobody else has it then."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.replicator import Replicator
from dinerapp.reservations.model import OVER, Stage, half_hours
from tests.contracts.conftest import compose_stores
from tests.contracts.over import over_shared_repositories, over_what_answers_questions
from tests.contracts.samples import (
    Repositories,
    Stores,
    all_pages,
    identical,
    ids,
    run_concurrently,
    scan_all,
)
from tests.factories import area, at, reservation, table

HOUR = timedelta(hours=1)


def save(repositories: Repositories, **fields: Any) -> Any:
    return repositories.reservations.save(reservation(**fields))


def changed(record: Any, **fields: Any) -> Any:
    return record.with_changes(op_id=new_op_id(), now=at(2), **fields)


@over_what_answers_questions
class TestReservations:
    """Reservations by guest and by time, and never two at one table."""

    def test_what_is_saved_comes_back_as_it_was(self, repositories: Repositories) -> None:
        full = save(repositories, email="ada@example.org", notes="window", user_id=new_id())
        assert identical(repositories.reservations.get(full.id), full)
        laid = repositories.tables.save(table(x=3, y=4, active=False))
        assert identical(repositories.tables.get(laid.id), laid)

    @pytest.mark.parametrize("kind", ["areas", "tables"])
    def test_areas_and_tables_are_listed_newest_first(
        self, repositories: Repositories, kind: str
    ) -> None:
        make = {"areas": area, "tables": table}[kind]
        repository = getattr(repositories, kind)
        saved = [repository.save(make(created_at=at(number))) for number in range(5)]
        assert all_pages(repository.page, 2) == saved[::-1]

    def test_those_of_a_guest_come_newest_first(self, repositories: Repositories) -> None:
        older = save(repositories, phone="+491", code="AAAA")
        latest = save(repositories, phone="+491", code="AAAA", created_at=at(1))
        other = save(repositories, phone="+491", code="BBBB", created_at=at(2))
        mine = save(repositories, phone="+492", user_id="u", created_at=at(3))
        newest = repositories.reservations.page
        assert newest(None, 9, phone="+491", code="AAAA").items == (latest, older)
        assert newest(None, 9, phone="+491").items == (other, latest, older)
        assert newest(None, 9, user_id="u").items == (mine,)
        assert newest(None, 9, phone="\0").items == ()
        repositories.reservations.delete(changed(latest))
        assert newest(None, 1, phone="+491", code="AAAA").items == (older,)

    def test_those_of_a_time_come_earliest_first(self, repositories: Repositories) -> None:
        late, early, middle = (save(repositories, starts_at=at() + HOUR * n) for n in (5, 1, 3))
        page_by = partial(repositories.reservations.page_by, "starts_at")
        evening = (at(), at() + 9 * HOUR)
        assert page_by(*evening, None, 9).items == (early, middle, late)
        assert page_by(at() + HOUR, at() + 5 * HOUR, None, 9).items == (early, middle)
        assert page_by(*evening, None, 9, table_id=late.table_id).items == (late,)
        pages = all_pages(partial(page_by, *evening), 2)
        assert ids(pages) == ids([early, middle, late])

    @pytest.mark.parametrize("minutes", [-90, -30, 0, 30, 90])
    def test_a_table_is_not_given_away_twice(
        self, repositories: Repositories, minutes: int
    ) -> None:
        first = save(repositories)
        begin = first.starts_at + timedelta(minutes=minutes)
        with pytest.raises(Exhausted):
            save(repositories, table_id=first.table_id, starts_at=begin)
        save(repositories, starts_at=begin)

    def test_one_party_may_come_when_the_other_leaves(self, repositories: Repositories) -> None:
        first = save(repositories)
        for hours in (2, -2):
            save(repositories, table_id=first.table_id, starts_at=first.starts_at + hours * HOUR)

    def test_a_table_is_taken_for_every_half_hour_that_is_begun(
        self, repositories: Repositories
    ) -> None:
        first = save(repositories, ends_at=at(1800) + timedelta(minutes=75))
        with pytest.raises(Exhausted):
            save(repositories, table_id=first.table_id, starts_at=first.starts_at + HOUR)
        later = first.starts_at + timedelta(minutes=90)
        save(repositories, table_id=first.table_id, starts_at=later)

    @pytest.mark.parametrize("status", sorted(OVER))
    def test_who_is_not_there_leaves_the_table_to_others(
        self, repositories: Repositories, status: Stage
    ) -> None:
        first = save(repositories)
        repositories.reservations.save(changed(first, status=status))
        save(repositories, table_id=first.table_id)

    def test_a_move_gives_the_old_half_hours_back_and_takes_the_new_ones(
        self, repositories: Repositories
    ) -> None:
        first, target = save(repositories), table()
        placed = first.at_table(target, first.starts_at + HOUR, 3, new_op_id())
        moved = repositories.reservations.save(changed(placed))
        keys = half_hours(first.table_id, first.starts_at, first.ends_at)
        usage = repositories.reservations.usage([*keys])
        assert {usage[key].reserved for key in keys} == {0}
        keys = half_hours(target.id, moved.starts_at, moved.ends_at)
        usage = repositories.reservations.usage([*keys])
        assert {usage[key].reserved for key in keys} == {1}

    def test_a_step_needs_no_second_table(self, repositories: Repositories) -> None:
        found = save(repositories)
        for status in (
            Stage.CONFIRMED,
            Stage.SEATED,
            Stage.COMPLETED,
        ):
            found = repositories.reservations.save(changed(found, status=status))
        assert found.status is Stage.COMPLETED


@over_shared_repositories
def test_of_many_at_once_exactly_one_gets_the_last_table(repositories: Repositories) -> None:
    table_id = new_id()
    results = run_concurrently([lambda: save(repositories, table_id=table_id) for _ in range(8)])
    taken = [each for each in results if not isinstance(each, Exception)]
    assert len(taken) == 1
    assert all(isinstance(each, Exhausted) for each in results if each not in taken)
    assert ids(scan_all_of(repositories)) == ids(taken)


def scan_all_of(repositories: Repositories) -> list[Any]:
    """Every reservation, in whichever store answers."""
    begin, end = at() - 9 * HOUR, at() + 9 * HOUR
    return list(repositories.reservations.page_by("starts_at", begin, end, None, 99).items)


def replicated(one: Stores, other: Stores) -> Any:
    """What is filed as both learn of what the other took while they were cut off."""
    both = compose_stores(one, other)
    replicator = Replicator(MergePolicy(), save_conflict=lambda each: both.conflicts.save(each))
    here, there = one.reservations, other.reservations
    for _ in range(2):
        replicator.replicate(scan_all(here), here, there)
        replicator.replicate(scan_all(there), there, here)
    replicator.report_oversold(replicator.reserved_keys(scan_all(here), there), there)
    assert scan_all(here) == scan_all(there)
    return both.conflicts.page(ConflictState.OPEN, None, 50).items


@pytest.mark.parametrize("minutes", [0, 30])
def test_a_table_that_both_databases_gave_away_is_one_conflict_that_names_both(
    postgresql: Stores, mongodb: Stores, minutes: int
) -> None:
    first = save(postgresql, name="Ada")
    begin = first.starts_at + timedelta(minutes=minutes)
    second = save(mongodb, name="Bob", table_id=first.table_id, starts_at=begin, created_at=at(1))
    [found] = replicated(postgresql, mongodb)
    assert {found.winner["id"], found.loser["id"]} == {first.id, second.id}
    assert {found.winner["name"], found.loser["name"]} == {"Ada", "Bob"}


def test_tables_side_by_side_are_no_conflict(postgresql: Stores, mongodb: Stores) -> None:
    save(postgresql)
    save(mongodb)
    assert replicated(postgresql, mongodb) == ()


def test_who_sits_there_outdoes_who_was_called_off(postgresql: Stores, mongodb: Stores) -> None:
    begun = save(postgresql)
    mongodb.reservations.deliver([begun])
    for stores, status in (
        (postgresql, Stage.SEATED),
        (mongodb, Stage.CANCELLED),
    ):
        stores.reservations.save(changed(begun, status=status))
    [conflict] = replicated(postgresql, mongodb)
    assert conflict.reason == "cancelled in one database, seated in the other"
    assert postgresql.reservations.get(begun.id).status is Stage.SEATED
    with pytest.raises(Exhausted):
        save(mongodb, table_id=begun.table_id)


def test_a_move_on_one_side_and_a_step_on_the_other_are_both_kept(
    postgresql: Stores, mongodb: Stores
) -> None:
    begun, target = save(postgresql), table()
    mongodb.reservations.deliver([begun])
    postgresql.reservations.save(changed(begun, status=Stage.CONFIRMED))
    mongodb.reservations.save(changed(begun.at_table(target, begun.starts_at, 4, new_op_id())))
    assert replicated(postgresql, mongodb) == ()
    merged = postgresql.reservations.get(begun.id)
    assert (merged.status, merged.table_id) == (Stage.CONFIRMED, target.id)
    save(postgresql, table_id=begun.table_id)


def test_a_reservation_that_both_sides_moved_is_a_conflict(
    postgresql: Stores, mongodb: Stores
) -> None:
    begun = save(postgresql)
    mongodb.reservations.deliver([begun])
    for stores in (postgresql, mongodb, mongodb):
        begun = stores.reservations.get(begun.id)
        stores.reservations.save(changed(begun.at_table(table(), begun.starts_at, 4, new_op_id())))
    [conflict] = replicated(postgresql, mongodb)
    assert conflict.record_id == begun.id
    assert conflict.winner["table_id"] != conflict.loser["table_id"]
