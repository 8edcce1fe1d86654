"""Servers and their channels. Contract suite: tests/contracts/test_servers.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence

from dinerapp.messaging.domain.servers import CHANNELS, SERVERS, Channel, Server
from dinerapp.replication.ports.repository import After, Page, Repository
from dinerapp.replication.ports.routing import lookup, question


class Servers(Repository[Server]):
    """Restaurants and branches."""

    kind = SERVERS

    @abstractmethod
    @lookup
    def by_invite(self, code: str) -> Server:
        """The server with exactly this invite code; NotFound."""


class Channels(Repository[Channel]):
    """Rooms of servers."""

    kind = CHANNELS

    @abstractmethod
    @question
    def page(self, server_id: str, after: After | None, limit: int) -> Page[Channel]:
        """A server's channels, newest first by creation and then by id."""

    @abstractmethod
    @question
    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        """The channels of several servers, oldest first by creation and then by id."""
