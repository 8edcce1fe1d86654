"""Servers and their channels. Contract suite: tests/contracts/test_servers.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence

from dinerapp.messaging.domain.servers import CHANNELS, SERVERS, Channel, Server
from dinerapp.replication.ports.documents import Documents
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import find_one, query


class Servers(Documents[Server]):
    """Restaurants and branches."""

    kind = SERVERS

    @find_one
    def by_invite(self, code: str) -> Server:
        """The server with exactly this invite code; NotFound."""
        return self._first(invite_code=code)


class Channels(Repository[Channel]):
    """Rooms of servers."""

    kind = CHANNELS

    @abstractmethod
    @query
    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Channel]:
        """A server's channels, newest first by creation and then by id."""

    @abstractmethod
    @query
    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        """The channels of several servers, oldest first by creation and then by id."""
