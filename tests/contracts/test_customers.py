"""The contract of `Customers`: what it asks beyond the common base."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from dinerapp.ordering.domain.customers import blank
from dinerapp.ordering.ports.customers import CustomerFilter
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.repository import Cursor
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, identical, ids
from tests.factories import LONG_WORD, at, customer

ALL = CustomerFilter()


@over_what_answers_questions
class TestCustomers:
    """Guests in lists, by their number, and by their address."""

    def test_customers_are_listed_newest_first(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(number % 4)) for number in range(9)]
        newest = sorted(saved, key=lambda one: (one.created_at, one.id), reverse=True)
        assert all_pages(partial(repositories.customers.page, ALL), 4) == newest
        first = repositories.customers.page(ALL, None, 2)
        assert first.next_cursor == Cursor(newest[1].created_at, newest[1].id)

    def test_customers_are_found_by_number_and_by_address(self, repositories: Repositories) -> None:
        ada = save(repositories, phone="+4930123", email="ada@example.org")
        both = save(repositories, phone="+4930123", email="a@example.org", created_at=at(1))
        grace = save(repositories, phone="+4930124", email="ada@example.org", created_at=at(2))
        assert found(repositories, phone="+4930123") == ids([both, ada])
        assert found(repositories, email="ada@example.org") == ids([grace, ada])
        assert found(repositories, phone="+4930123", email="ada@example.org") == [ada.id]

    @pytest.mark.parametrize("word", ["", "+493012", "%", "$ne", "a\0b", "\ud800", LONG_WORD])
    def test_a_number_or_an_address_that_nobody_has_finds_nobody(
        self, repositories: Repositories, word: str
    ) -> None:
        save(repositories, phone="+4930123")
        assert found(repositories, phone=word) == []
        assert found(repositories, email=word) == []

    def test_who_was_erased_is_in_no_list(self, repositories: Repositories) -> None:
        kept, gone = save(repositories), save(repositories, email="ada@example.org")
        left = blank(gone, at(1)).with_changes(op_id=new_op_id(), now=at(1))
        gone = repositories.customers.save(left)
        assert found(repositories) == [kept.id]
        assert found(repositories, phone="") == []
        assert found(repositories, email="ada@example.org") == []
        assert identical(repositories.customers.get(gone.id), gone)
        assert gone.is_erased

    def test_a_customer_comes_back_with_everything_that_is_known_of_them(
        self, repositories: Repositories
    ) -> None:
        saved = save(
            repositories,
            name="Ada 🍄 Łovelace",
            email="ada@example.org",
            notes="no nuts\n",
            first_seen=at(-5.123),
            last_seen=at(0.123),
            erased_at=at(-9),
        )
        assert identical(repositories.customers.get(saved.id), saved)
        assert repositories.customers.page(ALL, None, 9).items == (saved,)

    @pytest.mark.parametrize("field", ["phone", "name", "email", "notes"])
    def test_a_word_too_long_for_an_index_comes_back_unchanged(
        self, repositories: Repositories, field: str
    ) -> None:
        saved = save(repositories, **{field: LONG_WORD})
        assert identical(repositories.customers.get(saved.id), saved)
        if field in ("phone", "email"):
            save(repositories, **{field: LONG_WORD[:-1]})
            assert found(repositories, **{field: LONG_WORD}) == [saved.id]


def save(repositories: Repositories, **fields: Any) -> Any:
    """A new customer, kept."""
    return repositories.customers.save(customer(**fields))


def found(repositories: Repositories, **wanted: str) -> list[str]:
    """The ids of all who are wanted."""
    return ids(repositories.customers.page(CustomerFilter(**wanted), None, 10).items)
