"""The MongoDB stores of direct messages and channel messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import ChannelMessages, DirectMessages, Messages
from dinerapp.replication.ports.repository import ChangeCursor, Cursor, Page

_CHANGE_ORDER = [("updated_at", ASCENDING), ("_id", ASCENDING)]
_MAX_STAGES = 500
"""Half of the pipeline stages that a server accepts in one aggregation."""


class MongoMessages(MongoStore[Message], Messages):
    """The store of messages, of either collection."""

    index_models = (
        newest_first("room_id"),
        newest_first("author_id"),
        IndexModel(
            [("room_id", ASCENDING), *_CHANGE_ORDER],
            name="room_id_changed",
            partialFilterExpression={"deleted": False},
        ),
    )

    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        return self._newest_page({"room_id": {"$eq": room_id}}, after, limit)

    def page_of(self, author_id: str, after: Cursor | None, limit: int) -> Page[Message]:
        return self._newest_page({"author_id": {"$eq": author_id}}, after, limit)

    def changed_since(
        self, room_ids: Collection[str], after: ChangeCursor, limit: int
    ) -> Sequence[Message]:
        already_read = {"updated_at": after.updated_at, "_id": {"$lte": after.id}}
        query = {
            "room_id": {"$in": list(room_ids)},
            "updated_at": {"$gte": after.updated_at},
            # Not as $or: the planner would split it into several scans, and might sort the result.
            "$nor": [already_read],
            "deleted": False,
        }
        return self._find(query, _CHANGE_ORDER, limit)

    def unread(self, user_id: str, rooms: Mapping[str, Cursor], limit: int) -> Mapping[str, int]:
        """Counts the messages of all rooms in one aggregation, up to `limit` in each."""
        pipelines = [
            _unread_pipeline(room_id, read_up_to, user_id, limit)
            for room_id, read_up_to in rooms.items()
        ]
        counts: list[Document] = []
        for start in range(0, len(pipelines), _MAX_STAGES):
            first, *others = pipelines[start : start + _MAX_STAGES]
            unions = [
                {"$unionWith": {"coll": self.collection_name, "pipeline": pipeline}}
                for pipeline in others
            ]
            with self.database.reading():
                counts += self.collection.aggregate([*first, *unions])
        return {count["_id"]: count["count"] for count in counts}


class MongoDirectMessages(MongoMessages, DirectMessages):
    """Collection direct_messages."""


class MongoChannelMessages(MongoMessages, ChannelMessages):
    """Collection channel_messages."""


def _unread_pipeline(
    room_id: str, read_up_to: Cursor, user_id: str, limit: int
) -> list[dict[str, Any]]:
    query = {
        "room_id": room_id,
        "created_at": {"$gte": read_up_to.created_at},
        "$nor": [{"created_at": read_up_to.created_at, "_id": {"$lte": read_up_to.id}}],
        "deleted": False,
        "author_id": {"$ne": user_id},
        "removed_at": None,
    }
    count = {"$group": {"_id": "$room_id", "count": {"$sum": 1}}}
    return [{"$match": query}, {"$limit": limit}, count]
