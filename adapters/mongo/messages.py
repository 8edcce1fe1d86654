"""Messages in MongoDB, those of conversations and those of channels alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel

from adapters.mongo.client import Document
from adapters.mongo.store import MongoStore, newest_first
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.ports.messages import ChannelMessages, DirectMessages, Messages
from dinerapp.replication.ports.repository import After, Change, Page

_BY_CHANGE = [("updated_at", ASCENDING), ("_id", ASCENDING)]
_STAGES = 500
"""Half of what a server takes in one question."""


class MongoMessages(MongoStore[Message], Messages):
    """A message is a document."""

    indexes = (
        newest_first("room_id"),
        newest_first("author_id"),
        IndexModel(
            [("room_id", ASCENDING), *_BY_CHANGE],
            name="room_id_changed",
            partialFilterExpression={"deleted": False},
        ),
    )

    def page(self, room_id: str, after: After | None, limit: int) -> Page[Message]:
        return self._newest({"room_id": {"$eq": room_id}}, after, limit)

    def page_of(self, author_id: str, after: After | None, limit: int) -> Page[Message]:
        return self._newest({"author_id": {"$eq": author_id}}, after, limit)

    def changed_since(
        self, room_ids: Collection[str], after: Change, limit: int
    ) -> Sequence[Message]:
        seen = {"updated_at": after.updated_at, "_id": {"$lte": after.id}}
        wanted = {
            "room_id": {"$in": list(room_ids)},
            "updated_at": {"$gte": after.updated_at},
            # As $or the planner would take it apart, and might prefer to sort.
            "$nor": [seen],
            "deleted": False,
        }
        return self._found(wanted, _BY_CHANGE, limit)

    def unread(self, user_id: str, rooms: Mapping[str, After], most: int) -> Mapping[str, int]:
        """One question for all rooms, each of which is read no further than to `most`."""
        counts = [_counting(room_id, place, user_id, most) for room_id, place in rooms.items()]
        found: list[Document] = []
        for start in range(0, len(counts), _STAGES):
            first, *others = counts[start : start + _STAGES]
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


def _counting(room_id: str, place: After, user_id: str, most: int) -> list[dict[str, Any]]:
    wanted = {
        "room_id": room_id,
        "created_at": {"$gte": place.created_at},
        "$nor": [{"created_at": place.created_at, "_id": {"$lte": place.id}}],
        "deleted": False,
        "author_id": {"$ne": user_id},
        "removed_at": None,
    }
    count = {"$group": {"_id": "$room_id", "count": {"$sum": 1}}}
    return [{"$match": wanted}, {"$limit": most}, count]
