"""What a kind's records are owed to others: `_owed.<target>` in each document.

A debt has `due` until it is parked, and `parked` instead from then on. A partial index for each of
the two keeps all questions about debts as small as the debts are.
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
    """The indexes by which debts to the target are found."""
    owed = f"_owed.{target.value}"
    return (
        _index(target, "due", "_id", f"{owed}.missed"),
        _index(target, "parked", f"{owed}.since"),
    )


class MongoOutbox(Replica[R]):
    """The part of a store that keeps debts."""

    database: MongoDatabase
    collection_name: str

    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        owed, claim = f"_owed.{target.value}", secrets.token_hex(8)
        due = {f"{owed}.due": {"$lte": now}}
        order = [(f"{owed}.due", ASCENDING), ("_id", ASCENDING)]
        with self.database.writing():
            debts = self.database.collection(self.collection_name)
            ids = [each["_id"] for each in debts.find(due, {"_id": 1}, sort=order, limit=limit)]
            if not ids:
                return []
            lease = {"$set": {f"{owed}.due": lease_until, f"{owed}.claim": claim}}
            debts.update_many({"_id": {"$in": ids}, **due}, lease)
            mine = debts.find({"_id": {"$in": ids}, f"{owed}.claim": claim})
            found = {each["_id"]: each for each in mine}
        claimed = [found[key] for key in ids if key in found]
        return [
            ClaimedEntry(from_document(self.kind, each), each["_owed"][target.value]["tries"])
            for each in claimed
        ]

    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        return self._kinds_with_any(kinds, {f"_owed.{target.value}.due": {"$lte": now}})

    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        owed = f"_owed.{target.value}"
        return self._kinds_with_any(kinds, {f"{owed}.due": _ANY_TIME, f"{owed}.missed": True})

    def _kinds_with_any(self, kinds: Collection[str], query: Document) -> Collection[str]:
        with self.database.reading():
            return self.database.collections_with_any(list(kinds), query)

    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        paid = {"$unset": {f"_owed.{target.value}": ""}}
        changes = [UpdateOne({"_id": key, **at_version(version)}, paid) for key, version in shipped]
        if changes:
            with self.database.writing():
                self.database.collection(self.collection_name).bulk_write(changes, ordered=False)

    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        owed = f"_owed.{target.value}"
        wanted = {"_id": {"$in": list(record_ids)}, f"{owed}.due": _ANY_TIME}
        with self.database.writing():
            self.database.collection(self.collection_name).update_many(
                wanted, {"$set": {f"{owed}.missed": True, f"{owed}.due": now}}
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
        owed = f"_owed.{target.value}"
        record_id, version = shipped
        come, gone = ("parked", "due") if give_up else ("due", "parked")
        change = {
            "$inc": {f"{owed}.tries": 1},
            "$set": {
                f"{owed}.missed": False,
                f"{owed}.reason": reason,
                f"{owed}.{come}": True if give_up else due,
            },
            "$unset": {f"{owed}.{gone}": ""},
        }
        with self.database.writing():
            self.database.collection(self.collection_name).update_one(
                {"_id": record_id, **at_version(version), owed: {"$exists": True}}, change
            )

    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        owed = f"_owed.{target.value}"
        anew = {
            "$set": {f"{owed}.due": now, f"{owed}.tries": 0},
            "$unset": {f"{owed}.parked": ""},
        }
        with self.database.writing():
            parked = self.database.collection(self.collection_name)
            return parked.update_many({f"{owed}.parked": True}, anew).modified_count

    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        owed = f"_owed.{target.value}"
        order = [(f"{owed}.since", ASCENDING), ("_id", ASCENDING)]
        with self.database.reading():
            parked = self.database.collection(self.collection_name)
            found = list(parked.find({f"{owed}.parked": True}, {owed: 1}, sort=order, limit=limit))
        return [self._dead_letter(each["_id"], each["_owed"][target.value]) for each in found]

    def backlog(self, target: Target) -> Backlog:
        owed = f"_owed.{target.value}"
        waiting: list[dict[str, Any]] = [
            {"$match": {f"{owed}.due": _ANY_TIME}},
            {"$group": {"_id": f"${owed}.missed", "count": {"$sum": 1}}},
        ]
        with self.database.reading():
            debts = self.database.collection(self.collection_name)
            counts = {each["_id"]: each["count"] for each in debts.aggregate(waiting)}
            parked = debts.count_documents({f"{owed}.parked": True})
        missed = counts.get(True, 0)
        return Backlog(missed + counts.get(False, 0), missed, parked)

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
