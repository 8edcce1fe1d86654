"""People with an account. Contract suite: tests/contracts/test_users.py."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import USERS, User
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import find_one, query


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """Which users are wanted; None does not narrow."""

    role: Role | None = None
    active: bool | None = None


class Users(Repository[User]):
    """Accounts with their sessions."""

    kind = USERS

    @abstractmethod
    @find_one
    def by_email(self, email: str) -> User:
        """Who holds the address, which is normalised. Raises NotFound when nobody does.

        Of two users who were given one address in two stores, only one holds it.
        """

    @abstractmethod
    @query
    def page(self, wanted: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        """The users wanted, newest first by creation and then by id."""
