"""The MongoDB store of users."""

from __future__ import annotations

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.accounts.domain.users import USERS, User
from dinerapp.accounts.ports.users import UserFilter, Users
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page


class MongoUsers(MongoStore[User], Users):
    index_models = (newest_first(), newest_first("role"))

    def by_email(self, email: str) -> User:
        for user in self._find({"_unique.email": {"$eq": email}}, limit=1):
            return user
        raise NotFound(USERS.name, "by_email")

    def page(self, filters: UserFilter, after: Cursor | None, limit: int) -> Page[User]:
        equal = {"role": filters.role, "active": filters.active}
        query: Document = {
            name: {"$eq": value} for name, value in equal.items() if value is not None
        }
        return self._newest_page(query, after, limit)
