"""The PostgreSQL store of users."""

from __future__ import annotations

from adapters.postgres.connection import Row
from adapters.postgres.rows import PlainRecord
from adapters.postgres.statements import equals_literal
from adapters.postgres.store import PostgresStore
from dinerapp.accounts.domain.users import USERS, User
from dinerapp.accounts.ports.users import UserFilter, Users
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page

_SAME_EMAIL = "WHERE u_email = %(email)s"


class PostgresUsers(PostgresStore[User], Users):
    """Table users. The sessions of a user are a JSON column."""

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

    def page(self, filters: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        return self._newest_page(_conditions(filters), {}, after, limit)

    def to_row(self, plain: PlainRecord) -> Row:
        return {name: plain[name] for name in self.columns}

    def from_row(self, row: Row) -> PlainRecord:
        return {name: row[name] for name in self.columns}


def _conditions(filters: UserFilter) -> list[str]:
    conditions = []
    if filters.role is not None:
        conditions.append(equals_literal("role", filters.role))
    if filters.active is not None:
        conditions.append("active" if filters.active else "NOT active")
    return conditions
