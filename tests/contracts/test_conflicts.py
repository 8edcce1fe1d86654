"""The contract of `Conflicts`: what it asks beyond the common base, and free values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from dinerapp.replication import conflicts
from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.repository import Cursor
from dinerapp.replication.version import StoreId
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import (
    Repositories,
    accepted_again_by,
    accepted_by,
    all_pages,
    identical,
    ids,
)
from tests.factories import LONG_WORD, at, conflict, order

OPEN, RESOLVED = ConflictState.OPEN, ConflictState.RESOLVED


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = "deep down"
    for _ in range(depth):
        value = [value]
    return value


@dataclass
class Unknown:
    """A value of no type that any database knows."""


class Opaque:
    """A value that is not even a dataclass."""


PLAIN = {
    "nothing": None,
    "true": True,
    "one": 1,
    "one as a float": 1.0,
    "a third": 1 / 3,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "a whole float beyond integers": 1e22,
    "2**53 + 1": 2**53 + 1,
    "2**63 - 1": 2**63 - 1,
    "-2**63": -(2**63),
    "2**63": 2**63,
    "-2**63 - 1": -(2**63) - 1,
    "2**64": 2**64,
    "10**400": 10**400,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "NUL": "a\0b",
    "lone surrogate": "\ud800",
    "noncharacter": "\uffff",
    "escaped NUL": "\\u0000",
    "text like a date": "2026-05-01T12:00:00Z",
    "text like a number": "12",
    "empty dict": {},
    "empty list": [],
    "dict": {"b": 1, "a": {"c": [1, "2", None, {"d": 0.5}]}},
    "mixed list": [1, 1.0, "1", True, None, [], {}],
    "dollar key": {"$set": 1},
    "dollar": {"$": 4},
    "dollar inside a key": {"a$b": 1},
    "dotted key": {"a.b": 1},
    "empty key": {"": 1},
    "NUL key": {"a\0": 1},
    "lone surrogate key": {"\ud800": 1},
    "unicode key": {"größe 🍕": 1},
    "id key": {"_id": 1, "id": 2, "__proto__": 3},
    "reference": {"$ref": "orders", "$id": 1},
    "number like keys": {"0": "a", "1": "b"},
    "long key": {"k" * 5000: 1},
    "fairly deep": nested(20),
    "too deep": nested(200),
    "far too deep": nested(5000),
}
FOREIGN = {
    "decimal": Decimal("1.10"),
    "decimal not a number": Decimal("NaN"),
    "fraction": Fraction(1, 3),
    "complex": 1j,
    "naive datetime": datetime(2026, 5, 1, 12),  # noqa: DTZ001
    "datetime": datetime(2026, 5, 1, 12, 30, tzinfo=UTC),
    "date": date(2026, 5, 1),
    "time": time(12, 30),
    "duration": timedelta(seconds=5),
    "bytes": b"\x00\xff",
    "uuid": UUID(int=7),
    "tuple": (1, 2),
    "set": {1},
    "number key": {1: "one"},
    "dataclass": Unknown(),
    "object": Opaque(),
}


@over_what_answers_questions
class TestConflicts:
    """Lists of conflicts, and values of any shape."""

    def test_there_are_no_conflicts_at_first(self, repositories: Repositories) -> None:
        page = repositories.conflicts.page(None, None, 10)
        assert page.items == ()
        assert page.next_cursor is None
        assert repositories.conflicts.open_count() == 0

    def test_conflicts_come_newest_first_and_then_the_highest_id(
        self, repositories: Repositories
    ) -> None:
        saved = [save(repositories, created_at=at(n // 2)) for n in (4, 1, 5, 0, 2, 3)]
        expected = sorted(saved, key=lambda c: (c.created_at, c.id), reverse=True)
        assert list(repositories.conflicts.page(None, None, 10).items) == expected
        for limit in (1, 2, 3, 6):
            found = all_pages(partial(repositories.conflicts.page, None), limit)
            assert found == expected

    def test_conflicts_can_be_wanted_by_state(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(4)]
        resolved = [resolve(repositories, each) for each in saved[1::2]]
        for state, expected in ((OPEN, saved[0::2]), (RESOLVED, resolved)):
            found = all_pages(partial(repositories.conflicts.page, state), 1)
            assert found == expected[::-1]
        assert ids(repositories.conflicts.page(None, None, 10).items) == ids(saved[::-1])

    def test_conflicts_can_be_wanted_by_what_they_are_about(
        self, repositories: Repositories
    ) -> None:
        one, other, unlisted = (new_id() for _ in range(3))
        saved = [
            save(repositories, record_id=record_id, created_at=at(number))
            for number, record_id in enumerate((one, other, one, unlisted, one))
        ]
        save(repositories, record_id=one, about="menu_items")
        resolved = resolve(repositories, saved[2])
        wanted = partial(repositories.conflicts.about, "orders", [one, other])
        assert all_pages(wanted, 2) == [saved[4], resolved, saved[1], saved[0]]
        assert ids(repositories.conflicts.about("orders", [unlisted], None, 9).items) == [
            saved[3].id
        ]
        assert repositories.conflicts.about("orders", [], None, 9).items == ()
        assert repositories.conflicts.about("carts", [one], None, 9).items == ()
        assert repositories.conflicts.about("orders", ["\0", "\ud800", "%"], None, 9).items == ()

    def test_a_conflict_of_two_records_is_found_by_either(self, repositories: Repositories) -> None:
        first, second = new_id(), new_id()
        saved = save(repositories, record_id=first, loser={"id": second})
        save(repositories, record_id=new_id(), loser={"id": new_id()})
        save(repositories, record_id=new_id(), loser={"id": None})
        for asked in ([first], [second], [first, second]):
            assert repositories.conflicts.about("orders", asked, None, 9).items == (saved,)
        assert repositories.conflicts.about("carts", [second], None, 9).items == ()

    def test_a_conflict_about_something_with_a_very_long_name_is_found_by_it(
        self, repositories: Repositories
    ) -> None:
        saved = save(repositories, record_id=LONG_WORD)
        save(repositories, record_id=LONG_WORD[:-1])
        assert repositories.conflicts.about("orders", [LONG_WORD], None, 9).items == (saved,)

    def test_the_open_ones_are_counted(self, repositories: Repositories) -> None:
        saved = [save(repositories) for _ in range(3)]
        assert repositories.conflicts.open_count() == 3
        resolve(repositories, saved[0])
        assert repositories.conflicts.open_count() == 2

    def test_deleted_conflicts_are_neither_listed_nor_counted(
        self, repositories: Repositories
    ) -> None:
        saved = save(repositories)
        repositories.conflicts.delete(saved.with_changes(op_id=new_op_id(), now=at(1)))
        assert repositories.conflicts.page(None, None, 10).items == ()
        assert repositories.conflicts.page(OPEN, None, 10).items == ()
        assert repositories.conflicts.open_count() == 0

    def test_a_conflict_found_between_two_pages_neither_repeats_nor_hides_any(
        self, repositories: Repositories
    ) -> None:
        saved = [save(repositories, created_at=at(n)) for n in range(4)]
        first = repositories.conflicts.page(OPEN, None, 2)
        save(repositories, created_at=at(10))
        second = repositories.conflicts.page(OPEN, first.next_cursor, 10)
        assert first.next_cursor == Cursor(saved[2].created_at, saved[2].id)
        assert ids(first.items + second.items) == ids(saved[::-1])

    def test_the_conflict_of_two_orders_comes_back_unchanged(
        self, repositories: Repositories
    ) -> None:
        base = accepted_by(order(2), StoreId.POSTGRESQL)
        winner, loser = (
            accepted_again_by(base, p, notes=p) for p in (StoreId.POSTGRESQL, StoreId.MONGODB)
        )
        saved = repositories.conflicts.save(
            conflicts.from_states("orders", winner, loser, "why", at(1))
        )
        found = repositories.conflicts.get(saved.id)
        assert identical(found, saved)
        assert found.winner["lines"][0]["name"] == "Pelmeni"
        assert found.loser["history"] == saved.loser["history"]

    @pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
    def test_a_plain_value_is_refused_or_comes_back_the_same(
        self, repositories: Repositories, value: object
    ) -> None:
        record = conflict(winner={"value": value}, loser={"list": [value]})
        found = saved_and_read(repositories, record)
        assert found is None or identical(found, replace(found, winner=record.winner))
        assert found is None or identical(found, replace(found, loser=record.loser))

    @pytest.mark.parametrize("value", FOREIGN.values(), ids=FOREIGN)
    def test_a_value_of_a_foreign_type_is_refused_or_made_a_plain_one(
        self, repositories: Repositories, value: object
    ) -> None:
        record = conflict(winner={"value": value}, loser={"list": [value]})
        found = saved_and_read(repositories, record)
        assert found is None or isinstance(found.winner["value"], str | list | dict | float)
        assert found is None or repr(found.winner["value"]) != "-0.0"


def saved_and_read(repositories: Repositories, record: Any) -> Any:
    """The record as it was kept, which must be as it is read; None if it was refused."""
    try:
        saved = repositories.conflicts.save(record)
    except InvalidRecord:
        assert repositories.conflicts.get_many([record.id]) == {}
        return None
    found = repositories.conflicts.get(record.id)
    assert identical(found, saved)
    return found


def save(repositories: Repositories, **fields: Any) -> Any:
    """A new conflict, kept."""
    return repositories.conflicts.save(conflict(**fields))


def resolve(repositories: Repositories, record: Any) -> Any:
    """The conflict after a manager has dealt with it."""
    change = record.with_changes(op_id=new_op_id(), now=at(50), state=RESOLVED, resolution="kept")
    return repositories.conflicts.save(change)
