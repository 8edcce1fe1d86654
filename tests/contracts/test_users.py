"""The contract of `Users`: what it asks beyond the common base, and its unique addresses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.ports.users import UserFilter
from dinerapp.replication.errors import DuplicateKey, InvalidRecord, NotFound
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.repository import Cursor
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, identical, ids, run_concurrently
from tests.factories import at, session, user

ALL = UserFilter()


@over_what_answers_questions
class TestUsers:
    """Accounts by their address, and in lists."""

    def test_a_user_is_found_by_their_address(self, repositories: Repositories) -> None:
        ada, grace = (save(repositories, email=f"{name}@example.org") for name in ("ada", "grace"))
        assert identical(repositories.users.by_email("ada@example.org"), ada)
        assert identical(repositories.users.by_email("grace@example.org"), grace)

    @pytest.mark.parametrize(
        "email", ["", "ada", "Ada@example.org", "ada@example.org ", "%", "a\0", "\ud800", "x" * 999]
    )
    def test_an_address_that_nobody_holds_is_not_found(
        self, repositories: Repositories, email: str
    ) -> None:
        save(repositories, email="ada@example.org")
        with pytest.raises(NotFound):
            repositories.users.by_email(email)

    def test_a_deleted_user_holds_no_address(self, repositories: Repositories) -> None:
        ada = save(repositories, email="ada@example.org")
        repositories.users.delete(ada.with_changes(op_id=new_op_id(), now=at(1)))
        with pytest.raises(NotFound):
            repositories.users.by_email("ada@example.org")
        again = save(repositories, email="ada@example.org")
        assert repositories.users.by_email("ada@example.org") == again

    def test_a_changed_address_is_found_and_the_old_one_is_not(
        self, repositories: Repositories
    ) -> None:
        ada = save(repositories, email="ada@example.org")
        moved = ada.with_edit(op_id=new_op_id(), now=at(1), email="ada@example.com")
        moved = repositories.users.save(moved)
        assert repositories.users.by_email("ada@example.com") == moved
        with pytest.raises(NotFound):
            repositories.users.by_email("ada@example.org")

    def test_an_address_is_given_once(self, repositories: Repositories) -> None:
        save(repositories, email="ada@example.org")
        with pytest.raises(DuplicateKey) as refused:
            save(repositories, email="ada@example.org")
        assert refused.value.field == "email"

    @pytest.mark.parametrize("email", ["", "Ada@example.org", "\uff41@example.org", "x" * 255])
    def test_an_address_that_is_not_normalised_is_refused(
        self, repositories: Repositories, email: str
    ) -> None:
        with pytest.raises(InvalidRecord) as refused:
            save(repositories, email=email)
        assert refused.value.field == "email"

    def test_a_user_comes_back_with_everything_that_is_known_of_them(
        self, repositories: Repositories
    ) -> None:
        sessions = tuple(
            session(created_at=at(n), generation=n + 1, revoked=bool(n % 2)) for n in range(5)
        )
        saved = save(
            repositories,
            name="Ada 🍄 Łovelace",
            phone="+49301234567",
            role=Role.CHEF,
            active=False,
            password_changed_at=at(0.123),
            sessions=sessions,
            edits=("0" * 32, "1" * 32),
        )
        assert saved.sessions == sessions
        assert identical(repositories.users.get(saved.id), saved)
        assert identical(repositories.users.by_email(saved.email), saved)

    def test_users_are_listed_newest_first(self, repositories: Repositories) -> None:
        saved = [save(repositories, created_at=at(number % 4)) for number in range(9)]
        newest = sorted(saved, key=lambda one: (one.created_at, one.id), reverse=True)
        assert all_pages(partial(repositories.users.page, ALL), 4) == newest
        first = repositories.users.page(ALL, None, 2)
        assert first.next_cursor == Cursor(newest[1].created_at, newest[1].id)

    def test_users_are_found_by_role_and_by_whether_they_are_active(
        self, repositories: Repositories
    ) -> None:
        chef = save(repositories, created_at=at(0), role=Role.CHEF)
        former = save(repositories, created_at=at(1), role=Role.CHEF, active=False)
        guest = save(repositories, created_at=at(2))

        def found(**wanted: Any) -> list[str]:
            return ids(repositories.users.page(UserFilter(**wanted), None, 10).items)

        assert found() == [guest.id, former.id, chef.id]
        assert found(role=Role.CHEF) == [former.id, chef.id]
        assert found(role=Role.CHEF, active=True) == [chef.id]
        assert found(active=True) == [guest.id, chef.id]
        assert found(active=False) == [former.id]
        assert found(role=Role.ADMIN) == []

    def test_deleted_users_are_not_listed(self, repositories: Repositories) -> None:
        ada = save(repositories)
        repositories.users.delete(ada.with_changes(op_id=new_op_id(), now=at(1)))
        assert repositories.users.page(ALL, None, 10).items == ()

    def test_an_address_taken_by_many_at_once_has_one_holder(
        self, repositories: Repositories
    ) -> None:
        results = run_concurrently([partial(save, repositories, email="a@b.de") for _ in range(6)])
        [winner] = [one for one in results if not isinstance(one, Exception)]
        assert repositories.users.by_email("a@b.de") == winner


def save(repositories: Repositories, **fields: Any) -> Any:
    """A new user, kept."""
    return repositories.users.save(user(**fields))
