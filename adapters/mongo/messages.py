"""Messages in MongoDB, those of conversations and those of channels alike."""

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
"""Half of what a server takes in one question."""


class MongoMessages(MongoStore[Message], Messages):
    """A message is a document."""

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
        seen = {"updated_at": after.updated_at, "_id": {"$lte": after.id}}
        wanted = {
            "room_id": {"$in": list(room_ids)},
            "updated_at": {"$gte": after.updated_at},
            # As $or the planner would take it apart, and might prefer to sort.
            "$nor": [seen],
            "deleted": False,
        }
        return self._find(wanted, _CHANGE_ORDER, limit)

    def unread(self, user_id: str, rooms: Mapping[str, Cursor], limit: int) -> Mapping[str, int]:
        """One question for all rooms, each of which is read no further than to `most`."""
        counts = [
            _unread_pipeline(room_id, place, user_id, limit) for room_id, place in rooms.items()
        ]
        found: list[Document] = []
        for start in range(0, len(counts), _MAX_STAGES):
            first, *others = counts[start : start + _MAX_STAGES]
            more = [
                {"$unionWith": {"coll": self.collection_name, "pipeline": each}} for each in others
            ]
            with self.database.reading():
                found += self.collection.aggregate([*first, *more])
        return {each["_id"]: each["count"] for each in found}


class MongoDirectMessages(MongoMessages, DirectMessages):
    """Collection direct_messages."""


class MongoChannelMessages(MongoMessages, ChannelMessages):
    """Collection channel_messages."""


def _unread_pipeline(
    room_id: str, read_up_to: Cursor, user_id: str, limit: int
) -> list[dict[str, Any]]:
    wanted = {
        "room_id": room_id,
        "created_at": {"$gte": read_up_to.created_at},
        "$nor": [{"created_at": read_up_to.created_at, "_id": {"$lte": read_up_to.id}}],
        "deleted": False,
        "author_id": {"$ne": user_id},
        "removed_at": None,
    }
    count = {"$group": {"_id": "$room_id", "count": {"$sum": 1}}}
    return [{"$match": wanted}, {"$limit": limit}, count]
