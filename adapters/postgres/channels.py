"""The PostgreSQL store of channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adapters.postgres.documents import DocumentStore
from dinerapp.messaging.domain.servers import Channel
from dinerapp.messaging.ports.servers import Channels
from dinerapp.replication.ports.repository import Cursor, Page

_OF_SERVERS = """WHERE NOT deleted AND server_id = ANY (%(server_ids)s)
ORDER BY created_at, id LIMIT {:d}"""


class PostgresChannels(DocumentStore[Channel], Channels):
    """Table channels."""

    def page(self, server_id: str, after: Cursor | None, limit: int) -> Page[Channel]:
        return self._newest_page(
            ["server_id = %(server_id)s"], {"server_id": server_id}, after, limit
        )

    def of_servers(self, server_ids: Collection[str], limit: int) -> Sequence[Channel]:
        return self._find(_OF_SERVERS.format(limit), {"server_ids": list(server_ids)})
