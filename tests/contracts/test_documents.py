"""The contract of `Documents`: the questions that ports are written with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.documents import BadDeclaration, Documents, Index
from dinerapp.replication.ports.repository import Cursor, Page, Usage
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId
from tests.contracts.over import over_everything, over_stores
from tests.contracts.samples import Repositories, Stores, accepted_by, all_pages, identical, ids
from tests.contracts.visits import Mood, Visit, visit, visit_key
from tests.factories import at

LONG = "x" * 100 + "y" * 10_000
UNSTORABLE = ["\0", "a\0b", "\ud800"]
MILLISECOND = timedelta(milliseconds=1)
NOBODYS_ID = "00000000-0000-4000-8000-000000000000"


def saved(repositories: Repositories, *visits: Visit) -> list[Visit]:
    return [repositories.visits.save(each) for each in visits]


def by_id(visits: Iterable[Visit]) -> list[str]:
    return sorted(ids(visits))


@over_everything
class TestFirst:
    """`_first`: one record by its values."""

    def test_a_record_is_found_by_several_fields_together(self, repositories: Repositories) -> None:
        [wanted, *_] = saved(
            repositories,
            visit(guest="ada", order="soup"),
            visit(guest="ada", order="pie"),
            visit(guest="bob", order="soup"),
        )
        assert identical(repositories.visits.first(guest="ada", order="soup"), wanted)

    def test_of_several_it_is_the_oldest_and_then_the_one_with_the_lower_id(
        self, repositories: Repositories
    ) -> None:
        older = saved(repositories, *(visit(guest="ada", order="pie") for _ in range(4)))
        saved(repositories, visit(guest="ada", order="pie", created_at=at(5)))
        assert repositories.visits.first(guest="ada", order="pie").id == min(ids(older))

    def test_none_is_a_value_like_any_other(self, repositories: Repositories) -> None:
        saved(repositories, visit(guest="ada", order="pie"))
        [wanted] = saved(repositories, visit(guest="ada", order=None, created_at=at(1)))
        assert repositories.visits.first(guest="ada", order=None) == wanted
        with pytest.raises(NotFound):
            repositories.visits.first(guest="bob", order=None)

    @pytest.mark.parametrize("value", ["", LONG, "Ада", "\U0001f35c", "it's; --", "%(a)s", "$x"])
    def test_any_text_is_found_whole(self, repositories: Repositories, value: str) -> None:
        saved(repositories, visit(guest=f"{value}z", order=value), visit(guest=value[:-1]))
        [wanted] = saved(repositories, visit(guest=value, order=value, created_at=at(1)))
        assert repositories.visits.first(guest=value, order=value) == wanted
        with pytest.raises(NotFound):
            repositories.visits.first(guest=f"{value}?", order=value)

    @pytest.mark.parametrize("value", UNSTORABLE)
    def test_what_no_record_could_hold_is_not_found(
        self, repositories: Repositories, value: str
    ) -> None:
        saved(repositories, visit(guest="ada", order=None))
        for asked in ({"guest": value, "order": "pie"}, {"guest": "ada", "order": value}):
            with pytest.raises(NotFound):
                repositories.visits.first(**asked)
        with pytest.raises(NotFound):
            repositories.visits.first(code=value)

    def test_a_unique_field_is_asked_for_without_an_index(self, repositories: Repositories) -> None:
        [wanted, *_] = saved(repositories, visit(), visit(), visit(code=None))
        assert repositories.visits.first(code=wanted.code) == wanted
        assert repositories.visits.first(code=wanted.code, guest=wanted.guest) == wanted
        for asked in ({"code": wanted.code, "guest": "bob"}, {"code": "x"}, {"code": None}):
            with pytest.raises(NotFound):
                repositories.visits.first(**asked)

    def test_a_long_unique_value_is_found(self, repositories: Repositories) -> None:
        [wanted, _] = saved(repositories, visit(code=LONG), visit(code=LONG + "y"))
        assert repositories.visits.first(code=LONG) == wanted

    def test_a_deleted_record_is_not_found(self, repositories: Repositories) -> None:
        [gone] = saved(repositories, visit(guest="ada", order="pie"))
        repositories.visits.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        for asked in ({"guest": "ada", "order": "pie"}, {"code": gone.code}):
            with pytest.raises(NotFound):
                repositories.visits.first(**asked)

    def test_a_changed_record_is_found_by_what_it_holds_now(
        self, repositories: Repositories
    ) -> None:
        [before] = saved(repositories, visit(guest="ada", order="pie"))
        now = repositories.visits.save(
            before.with_changes(op_id=new_op_id(), now=at(1), guest="bob", order=None)
        )
        assert repositories.visits.first(guest="bob", order=None) == now
        with pytest.raises(NotFound):
            repositories.visits.first(guest="ada", order="pie")


@over_everything
class TestNewest:
    """`_newest`: pages in the order of creation."""

    def test_pages_hold_every_record_once_newest_first(self, repositories: Repositories) -> None:
        moments = [0, 1, 1, 1, 2, 3, 3]
        made = saved(repositories, *(visit(created_at=at(n)) for n in moments))
        expected = sorted(made, key=lambda it: (it.created_at, it.id), reverse=True)
        for limit in (1, 2, 3, 7, 50):
            assert ids(all_pages(repositories.visits.newest, limit)) == ids(expected)

    def test_pages_of_some(self, repositories: Repositories) -> None:
        made = [visit(guest="ada", order="pie", created_at=at(n)) for n in range(5)]
        saved(repositories, *made, *(visit(guest="bob", order="pie") for _ in range(3)))
        pages = partial(repositories.visits.newest, guest="ada", order="pie")
        assert ids(all_pages(pages, 2)) == ids(made[::-1])
        assert repositories.visits.newest(None, 9, guest="eve", order=None) == Page(())

    def test_a_field_that_leads_nowhere_may_be_asked_beside_those_that_do(
        self, repositories: Repositories
    ) -> None:
        [one, _, three] = saved(
            repositories,
            *(visit(created_at=at(n), mood=[Mood.GLUM, Mood.MERRY][n % 2]) for n in range(3)),
        )
        assert repositories.visits.newest(None, 9, mood=Mood.GLUM).items == (three, one)

    def test_deleted_records_are_in_no_list(self, repositories: Repositories) -> None:
        gone, left = saved(repositories, visit(guest="ada"), visit(guest="ada"))
        repositories.visits.delete(gone.with_changes(op_id=new_op_id(), now=at(1)))
        assert repositories.visits.newest(None, 9).items == (left,)
        assert repositories.visits.page_by("arrives_at", None, 9).items == (left,)
        assert [*repositories.visits.between("arrives_at", None, None)] == [left]

    @pytest.mark.parametrize("value", UNSTORABLE)
    def test_what_no_record_could_hold_is_nowhere(
        self, repositories: Repositories, value: str
    ) -> None:
        saved(repositories, visit(guest="ada"))
        assert repositories.visits.newest(None, 9, guest=value, order=None) == Page(())
        assert repositories.visits.newest(Cursor(at(9), value), 9) == Page(())
        beyond = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
        assert repositories.visits.newest(Cursor(beyond, NOBODYS_ID), 9) == Page(())

    def test_a_page_begins_after_any_place(self, repositories: Repositories) -> None:
        made = saved(repositories, *(visit(created_at=at(1)) for _ in range(3)))
        newest = sorted(made, key=lambda it: it.id, reverse=True)
        for place, expected in (("z", newest), ("", []), (newest[0].id, newest[1:])):
            assert [*repositories.visits.newest(Cursor(at(1), place), 9).items] == expected


@over_everything
class TestPagesByATime:
    """`_page_by`: pages in the order of any indexed time."""

    def test_pages_hold_every_record_once_in_either_direction(
        self, repositories: Repositories
    ) -> None:
        made = saved(
            repositories,
            *(visit(arrives_at=at(n), created_at=at(-n)) for n in (3, 1, 2, 2, 2, 5, 4)),
        )
        expected = sorted(made, key=lambda it: (it.arrives_at, it.id))
        for limit in (1, 2, 3, 7, 50):
            pages = partial(repositories.visits.page_by, "arrives_at")
            assert ids(all_pages(pages, limit)) == ids(expected[::-1])
            pages = partial(pages, newest_first=False)
            assert ids(all_pages(pages, limit)) == ids(expected)

    def test_the_cursor_is_a_place_in_that_order(self, repositories: Repositories) -> None:
        saved(repositories, *(visit(arrives_at=at(n)) for n in range(3)))
        page = repositories.visits.page_by("arrives_at", None, 2)
        assert page.next_cursor == Cursor(at(1), page.items[-1].id)

    def test_a_list_begins_with_since_and_ends_before_until(
        self, repositories: Repositories
    ) -> None:
        made = saved(repositories, *(visit(arrives_at=at(5) + n * MILLISECOND) for n in range(4)))
        since, until = made[1].arrives_at, made[3].arrives_at
        pages = partial(repositories.visits.page_by, "arrives_at", since=since, until=until)
        assert ids(all_pages(pages, 1)) == ids([made[2], made[1]])
        assert ids(all_pages(partial(pages, newest_first=False), 1)) == ids(made[1:3])
        assert repositories.visits.page_by("arrives_at", None, 9, since=until, until=since) == Page(
            ()
        )

    def test_times_are_asked_to_the_millisecond_in_any_time_zone(
        self, repositories: Repositories
    ) -> None:
        moment = at(5) + timedelta(microseconds=1999)
        [made] = saved(repositories, visit(arrives_at=moment))
        assert made.arrives_at == at(5) + MILLISECOND
        there = moment.astimezone(timezone(timedelta(hours=3)))
        asked = partial(repositories.visits.page_by, "arrives_at", None, 9)
        assert asked(since=there).items == (made,)
        assert asked(until=there).items == ()
        assert asked(since=made.arrives_at + MILLISECOND).items == ()
        assert asked(until=made.arrives_at + MILLISECOND).items == (made,)

    def test_records_without_the_time_are_in_no_list_of_it(
        self, repositories: Repositories
    ) -> None:
        made = saved(
            repositories,
            visit(regular=True, leaves_at=at(1)),
            visit(regular=True, leaves_at=None),
            visit(regular=True, leaves_at=at(2)),
            visit(regular=False, leaves_at=at(3)),
        )
        pages = partial(repositories.visits.page_by, "leaves_at", regular=True)
        assert ids(all_pages(pages, 1)) == ids([made[2], made[0]])
        assert ids(all_pages(partial(pages, newest_first=False), 1)) == ids([made[0], made[2]])
        assert pages(None, 9, until=at(2)).items == (made[0],)

    def test_the_calendar_has_ends(self, repositories: Repositories) -> None:
        first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        [made] = saved(repositories, visit())
        asked = partial(repositories.visits.page_by, "arrives_at", None, 9)
        assert asked(since=first, until=last).items == (made,)
        beyond = first.replace(tzinfo=timezone(timedelta(hours=5)))
        assert asked(since=beyond).items == ()


@over_everything
class TestBetween:
    """`_between`: all in a stretch of an order."""

    def test_times_from_the_first_until_just_before_the_last(
        self, repositories: Repositories
    ) -> None:
        made = saved(repositories, *(visit(arrives_at=at(n)) for n in (4, 2, 2, 3, 1)))
        in_order = sorted(made, key=lambda it: (it.arrives_at, it.id))
        between = partial(repositories.visits.between, "arrives_at")
        assert [*between(at(1), at(4))] == in_order[:4]
        assert [*between(at(2), None)] == in_order[1:]
        assert [*between(None, at(2))] == in_order[:1]
        assert [*between(None, None, limit=3)] == in_order[:3]
        assert [*between(at(3), at(3))] == []
        assert [*between(None, None, limit=0)] == []

    def test_numbers_beside_other_fields(self, repositories: Repositories) -> None:
        made = saved(
            repositories,
            *(visit(mood=Mood.GLUM, party=n) for n in (-3, 10, 9, 2**63 - 1, 0)),
            visit(mood=Mood.MERRY, party=9),
        )
        between = partial(repositories.visits.between, "party", mood=Mood.GLUM)
        assert [it.party for it in between(None, None)] == [-3, 0, 9, 10, 2**63 - 1]
        assert [*between(-3, 10)] == [made[0], made[4], made[2]]
        assert [*between(2**63, None)] == []


@over_everything
class TestCounters:
    """What is counted can be read from the port of any kind."""

    def test_any_port_answers_for_any_key(self, repositories: Repositories) -> None:
        saved(repositories, visit(guest="ada", party=3), visit(guest="ada", party=4))
        key, unknown = visit_key("ada"), "nobody's"
        for kind in ("visits", "profiles", "orders", "conflicts"):
            usage = getattr(repositories, kind).usage([key, unknown, "\0", "\ud800"])
            assert usage[key] == Usage(reserved=7, limit=None)
            assert {usage[each] for each in (unknown, "\0", "\ud800")} == {Usage(0, None)}
        assert repositories.profiles.usage([]) == {}


@over_stores
def test_whoever_loses_its_unique_value_is_not_found_by_it(stores: Stores) -> None:
    lower, higher = sorted((visit(code="A1"), visit(code="A1")), key=lambda it: it.id)
    place = StoreId.NOCODB
    stores.visits.deliver([accepted_by(higher, place)])
    stores.visits.deliver([accepted_by(lower, place)])
    assert stores.visits.first(code="A1").id == lower.id
    assert by_id(stores.visits.newest(None, 9).items) == by_id([lower, higher])


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel(Record):
    """Has fields that can be indexed, and others."""

    weight: int
    address: str
    holds: str = ""
    u_turn: str = ""
    price: float = 0.0
    labels: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("indexes", "problem"),
    [
        ([Index("colour")], r"Parcel\.colour cannot be indexed: there is no such field"),
        ([Index("price")], r"Parcel\.price cannot be indexed: it has to be str, int"),
        ([Index("labels")], r"Parcel\.labels cannot be indexed: it has to be str, int"),
        ([Index("holds")], r"Parcel\.holds cannot be indexed: .* belong to the stores"),
        ([Index("u_turn")], r"Parcel\.u_turn cannot be indexed: .* belong to the stores"),
        ([Index("id")], r"Parcel\.id cannot be indexed"),
        ([Index("weight"), Index("weight")], "declares an index twice"),
    ],
)
def test_an_index_that_cannot_be_made_stops_the_start(indexes: list[Index], problem: str) -> None:
    with pytest.raises(BadDeclaration, match=problem):
        type(
            "Parcels",
            (Documents,),
            {"kind": Kind("parcels", Parcel), "indexes": tuple(indexes)},
        )


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        (lambda it: it.first(mood=Mood.GLUM), r"no Index\('mood', 'created_at'\)"),
        (lambda it: it.first(order="pie"), r"no Index\('order', 'created_at'\)"),
        (lambda it: it.page_by("leaves_at", None, 9), r"no Index\('leaves_at'\)"),
        (lambda it: it.page_by("party", None, 9, mood=Mood.GLUM), "party is not a time"),
        (lambda it: it.newest(None, 9, notes=""), "declares no index on notes"),
        (lambda it: it.newest(None, 9, guest=5), "guest is str, and is compared with int"),
        (
            lambda it: it.between("party", True, None, mood=""),
            "party is int, and is compared with bool",
        ),
        (lambda it: it.between("guest", "a", "b"), r"no Index\('guest'\)"),
    ],
)
def test_a_question_without_an_index_is_a_mistake_of_the_port(
    memory: Stores, ask: Any, problem: str
) -> None:
    with pytest.raises(BadDeclaration, match=problem):
        ask(memory.visits)
