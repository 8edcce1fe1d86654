"""Users in PostgreSQL: table users."""

from __future__ import annotations

from adapters.postgres.connection import Row
from adapters.postgres.rows import Plain
from adapters.postgres.statements import equal
from adapters.postgres.store import PostgresStore
from dinerapp.accounts.domain.users import USERS, User
from dinerapp.accounts.ports.users import UserFilter, Users
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import After, Page

_SAME_EMAIL = "WHERE u_email = %(email)s"


class PostgresUsers(PostgresStore[User], Users):
    """A user is a row of users; its sessions are a list in there."""

    columns = (
        "email",
        "name",
        "phone",
        "role",
        "active",
        "password_hash",
        "password_changed_at",
        "sessions",
        "edits",
    )

    def by_email(self, email: str) -> User:
        for user in self._find(_SAME_EMAIL, {"email": email}):
            return user
        raise NotFound(USERS.name, "by_email")

    def page(self, wanted: UserFilter, after: After | None, limit: int) -> Page[User]:
        return self._page(_conditions(wanted), {}, after, limit)

    def to_row(self, plain: Plain) -> Row:
        return {name: plain[name] for name in self.columns}

    def from_row(self, row: Row) -> Plain:
        return {name: row[name] for name in self.columns}


def _conditions(wanted: UserFilter) -> list[str]:
    conditions = []
    if wanted.role is not None:
        conditions.append(equal("role", wanted.role))
    if wanted.active is not None:
        conditions.append("active" if wanted.active else "NOT active")
    return conditions
