"""Members of servers. Contract suite: tests/contracts/test_members.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.messaging.domain.members import MEMBERS, Member
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Members(Repository[Member]):
    """Who belongs to which server."""

    kind = MEMBERS

    @abstractmethod
    @query
    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        """A server's active members, newest first by creation and then by id."""

    @abstractmethod
    @query
    def page_of(self, user_id: str, after: Cursor | None, limit: int) -> Page[Member]:
        """A user's active memberships, newest first by creation and then by id."""
