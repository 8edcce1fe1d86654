"""The PostgreSQL stores of direct messages and channel messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from adapters.postgres.connection import Row
from adapters.postgres.rows import PlainRecord, as_json
from adapters.postgres.store import PostgresStore
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import ChannelMessages, DirectMessages, Messages
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page

# Reads each room in index order and merges the results. The index is used for `updated_at >= at`;
# the comparison of ids only skips messages that were changed at exactly that time.
_CHANGED_SINCE = """
WHERE id = ANY (ARRAY(
    SELECT message.id
    FROM unnest(%(room_ids)s::text[]) AS room (id), LATERAL (
        SELECT id, updated_at FROM {table}
        WHERE room_id = room.id AND NOT deleted AND updated_at >= %(at)s
          AND (updated_at > %(at)s OR id::text COLLATE "C" > %(id)s)
        ORDER BY updated_at, id LIMIT {limit:d}
    ) AS message
    ORDER BY message.updated_at, message.id LIMIT {limit:d}
))
ORDER BY updated_at, id
"""
_UNREAD = """
SELECT marker.room_id, unread.count
FROM json_to_recordset(%(markers)s) AS marker (room_id text, at timestamptz, id text),
LATERAL (
    SELECT count(*) AS count FROM (
        SELECT FROM {table}
        WHERE room_id = marker.room_id AND NOT deleted AND created_at >= marker.at
          AND (created_at > marker.at OR id::text COLLATE "C" > marker.id)
          AND author_id <> %(user_id)s AND removed_at IS NULL
        ORDER BY created_at, id LIMIT {limit:d}
    ) AS message
) AS unread
WHERE unread.count > 0
"""


class PostgresMessages(PostgresStore[Message], Messages):
    """The store of messages, of either table."""

    columns = (
        "room_id",
        "author_id",
        "content",
        "file_url",
        "order_id",
        "edits",
        "edited_at",
        "removed_at",
        "removed_by",
    )

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        return self._newest_page(["room_id = %(room_id)s"], {"room_id": room_id}, after, limit)

    def page_of(self, author_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        return self._newest_page(
            ["author_id = %(author_id)s"], {"author_id": author_id}, after, limit
        )

    def changed_since(
        self, room_ids: Collection[str], after: ChangeCursor, limit: int
    ) -> Sequence[Message]:
        parameters = {"room_ids": list(room_ids), "at": after.updated_at, "id": after.id}
        return self._find(_CHANGED_SINCE.format(table=self.kind.name, limit=limit), parameters)

    def unread(self, user_id: str, rooms: Mapping[str, Cursor], limit: int) -> Mapping[str, int]:
        markers = [
            {"room_id": room_id, "at": read_up_to.created_at, "id": read_up_to.id}
            for room_id, read_up_to in rooms.items()
        ]
        query = _UNREAD.format(table=self.kind.name, limit=limit)
        rows = self._fetch(query, {"markers": as_json(markers), "user_id": user_id})
        return {row["room_id"]: row["count"] for row in rows}

    def to_row(self, plain: PlainRecord) -> Row:
        return {name: plain[name] for name in self.columns}

    def from_row(self, row: Row) -> PlainRecord:
        return {name: row[name] for name in self.columns}


class PostgresDirectMessages(PostgresMessages, DirectMessages):
    """Table direct_messages."""


class PostgresChannelMessages(PostgresMessages, ChannelMessages):
    """Table channel_messages."""
