"""Users. Contract suite: tests/contracts/test_users.py."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import USERS, User
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import find_one, query


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Filters for users; None matches all."""

    role: Role | None = None
    active: bool | None = None


class Users(Repository[User]):
    """Accounts with their sessions."""

    kind = USERS

    @abstractmethod
    @find_one
    def by_email(self, email: str) -> User:
        """The user with this normalised address. Raises NotFound if there is none.

        If two users got the same address in two stores, only one of them keeps it.
        """

    @abstractmethod
    @query
    def page(self, filters: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        """The matching users, newest first by creation and then by id."""
