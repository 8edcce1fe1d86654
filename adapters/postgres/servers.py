"""Servers and channels in PostgreSQL: documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.servers import Channel, Server
from dinerapp.messaging.ports.servers import Channels, Servers
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import Cursor, Page

_BY_INVITE = "WHERE NOT deleted AND u_invite_code = %(code)s"
_OF_SERVERS = """WHERE NOT deleted AND server_id = ANY (%(server_ids)s)
ORDER BY created_at, id LIMIT {:d}"""


class PostgresServers(DocumentStore[Server], Servers):
    """Table servers."""

    def by_invite(self, code: str) -> Server:
        for server in self._find(_BY_INVITE, {"code": code}):
            return server
        raise NotFound(self.kind.name, "by_invite")


class PostgresChannels(DocumentStore[Channel], Channels):
    """Table channels."""

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Channel]:
        return self._newest_page(
            ["server_id = %(server_id)s"], {"server_id": server_id}, after, limit
        )

    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        return self._find(_OF_SERVERS.format(limit), {"server_ids": list(server_ids)})
