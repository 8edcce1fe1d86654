"""The outbox of a kind: the field `_owed` in each document, with one field per target.

An entry has the field `due`; a dead letter has `parked` instead. There is a partial index on each
of the two, so that queries read only documents that have an entry.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pymongo import ASCENDING, IndexModel, UpdateOne

from adapters.mongo.client import Document
from adapters.mongo.database import MongoDatabase
from adapters.mongo.documents import at_version, from_document
from dinerapp.replication.ports.replica import Backlog, ClaimedEntry, DeadLetter, Replica, Target
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_ANY_TIME: Document = {"$lt": datetime.max.replace(tzinfo=UTC, microsecond=0)}


def outbox_indexes(target: Target) -> Sequence[IndexModel]:
    """The indexes that find the entries for the target."""
    entry = f"_owed.{target.value}"
    return (
        _index(target, "due", "_id", f"{entry}.missed"),
        _index(target, "parked", f"{entry}.since"),
    )


class MongoOutbox(Replica[R]):
    """The part of a store that implements the outbox."""

    database: MongoDatabase
    collection_name: str

    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        entry, claim = f"_owed.{target.value}", secrets.token_hex(8)
        is_due = {f"{entry}.due": {"$lte": now}}
        order = [(f"{entry}.due", ASCENDING), ("_id", ASCENDING)]
        with self.database.writing():
            collection = self.database.collection(self.collection_name)
            due = collection.find(is_due, {"_id": 1}, sort=order, limit=limit)
            ids = [document["_id"] for document in due]
            if not ids:
                return []
            lease = {"$set": {f"{entry}.due": lease_until, f"{entry}.claim": claim}}
            collection.update_many({"_id": {"$in": ids}, **is_due}, lease)
            leased = collection.find({"_id": {"$in": ids}, f"{entry}.claim": claim})
            claimed = {document["_id"]: document for document in leased}
        documents = [claimed[record_id] for record_id in ids if record_id in claimed]
        return [
            ClaimedEntry(from_document(self.kind, document), tries)
            for document in documents
            for tries in [document["_owed"][target.value]["tries"]]
        ]

    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        return self._kinds_with_any(kinds, {f"_owed.{target.value}.due": {"$lte": now}})

    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        entry = f"_owed.{target.value}"
        return self._kinds_with_any(kinds, {f"{entry}.due": _ANY_TIME, f"{entry}.missed": True})

    def _kinds_with_any(self, kinds: Collection[str], query: Document) -> Collection[str]:
        with self.database.reading():
            return self.database.collections_with_any(list(kinds), query)

    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        remove = {"$unset": {f"_owed.{target.value}": ""}}
        updates = [
            UpdateOne({"_id": record_id, **at_version(version)}, remove)
            for record_id, version in shipped
        ]
        if updates:
            with self.database.writing():
                self.database.collection(self.collection_name).bulk_write(updates, ordered=False)

    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        entry = f"_owed.{target.value}"
        query = {"_id": {"$in": list(record_ids)}, f"{entry}.due": _ANY_TIME}
        with self.database.writing():
            self.database.collection(self.collection_name).update_many(
                query, {"$set": {f"{entry}.missed": True, f"{entry}.due": now}}
            )

    def reschedule(
        self,
        target: Target,
        shipped: tuple[str, Version],
        reason: str,
        due: datetime,
        *,
        give_up: bool,
    ) -> None:
        entry = f"_owed.{target.value}"
        record_id, version = shipped
        added, removed = ("parked", "due") if give_up else ("due", "parked")
        change = {
            "$inc": {f"{entry}.tries": 1},
            "$set": {
                f"{entry}.missed": False,
                f"{entry}.reason": reason,
                f"{entry}.{added}": True if give_up else due,
            },
            "$unset": {f"{entry}.{removed}": ""},
        }
        with self.database.writing():
            self.database.collection(self.collection_name).update_one(
                {"_id": record_id, **at_version(version), entry: {"$exists": True}}, change
            )

    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        entry = f"_owed.{target.value}"
        retry = {
            "$set": {f"{entry}.due": now, f"{entry}.tries": 0},
            "$unset": {f"{entry}.parked": ""},
        }
        with self.database.writing():
            collection = self.database.collection(self.collection_name)
            return collection.update_many({f"{entry}.parked": True}, retry).modified_count

    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        entry = f"_owed.{target.value}"
        order = [(f"{entry}.since", ASCENDING), ("_id", ASCENDING)]
        with self.database.reading():
            documents = list(
                self.database.collection(self.collection_name).find(
                    {f"{entry}.parked": True}, {entry: 1}, sort=order, limit=limit
                )
            )
        return [self._dead_letter(doc["_id"], doc["_owed"][target.value]) for doc in documents]

    def backlog(self, target: Target) -> Backlog:
        entry = f"_owed.{target.value}"
        count_waiting: list[dict[str, Any]] = [
            {"$match": {f"{entry}.due": _ANY_TIME}},
            {"$group": {"_id": f"${entry}.missed", "count": {"$sum": 1}}},
        ]
        with self.database.reading():
            collection = self.database.collection(self.collection_name)
            counts = {group["_id"]: group["count"] for group in collection.aggregate(count_waiting)}
            dead_letters = collection.count_documents({f"{entry}.parked": True})
        undelivered = counts.get(True, 0)
        return Backlog(undelivered + counts.get(False, 0), undelivered, dead_letters)

    def _dead_letter(self, record_id: str, entry: Document) -> DeadLetter:
        return DeadLetter(
            self.kind.name, record_id, entry["tries"], entry["reason"], entry["since"]
        )


def _index(target: Target, leading: str, *others: str) -> IndexModel:
    first = f"_owed.{target.value}.{leading}"
    return IndexModel(
        [(path, ASCENDING) for path in dict.fromkeys((first, *others, "_id"))],
        name=f"{leading}_to_{target.value}",
        partialFilterExpression={first: {"$exists": True}},
    )
