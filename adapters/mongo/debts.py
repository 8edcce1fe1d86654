"""What a kind's records are owed to others: `_owed.<creditor>` in each document.

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
from adapters.mongo.documents import exactly, from_document
from dinerapp.replication.ports.replica import Backlog, Creditor, Owed, Parked, Replica
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)

_EVER: Document = {"$lt": datetime.max.replace(tzinfo=UTC, microsecond=0)}


def debt_indexes(to: Creditor) -> Sequence[IndexModel]:
    """The indexes by which debts to the creditor are found."""
    owed = f"_owed.{to.value}"
    return (_index(to, "due", "_id", f"{owed}.missed"), _index(to, "parked", f"{owed}.since"))


class MongoDebts(Replica[R]):
    """The part of a store that keeps debts."""

    database: MongoDatabase
    collection_name: str

    def claim(self, to: Creditor, limit: int, now: datetime, until: datetime) -> Sequence[Owed[R]]:
        owed, claim = f"_owed.{to.value}", secrets.token_hex(8)
        due = {f"{owed}.due": {"$lte": now}}
        order = [(f"{owed}.due", ASCENDING), ("_id", ASCENDING)]
        with self.database.writing():
            debts = self.database.collection(self.collection_name)
            ids = [each["_id"] for each in debts.find(due, {"_id": 1}, sort=order, limit=limit)]
            if not ids:
                return []
            lease = {"$set": {f"{owed}.due": until, f"{owed}.claim": claim}}
            debts.update_many({"_id": {"$in": ids}, **due}, lease)
            mine = debts.find({"_id": {"$in": ids}, f"{owed}.claim": claim})
            found = {each["_id"]: each for each in mine}
        claimed = [found[key] for key in ids if key in found]
        return [
            Owed(from_document(self.kind, each), each["_owed"][to.value]["tries"])
            for each in claimed
        ]

    def kinds_due(self, to: Creditor, kinds: Collection[str], now: datetime) -> Collection[str]:
        return self._with_any(kinds, {f"_owed.{to.value}.due": {"$lte": now}})

    def kinds_missed(self, to: Creditor, kinds: Collection[str]) -> Collection[str]:
        owed = f"_owed.{to.value}"
        return self._with_any(kinds, {f"{owed}.due": _EVER, f"{owed}.missed": True})

    def _with_any(self, kinds: Collection[str], wanted: Document) -> Collection[str]:
        with self.database.reading():
            return self.database.having_any(list(kinds), wanted)

    def settle(self, to: Creditor, shipped: Collection[tuple[str, Version]]) -> None:
        paid = {"$unset": {f"_owed.{to.value}": ""}}
        changes = [UpdateOne({"_id": key, **exactly(version)}, paid) for key, version in shipped]
        if changes:
            with self.database.writing():
                self.database.collection(self.collection_name).bulk_write(changes, ordered=False)

    def miss(self, to: Creditor, record_ids: Collection[str], now: datetime) -> None:
        owed = f"_owed.{to.value}"
        wanted = {"_id": {"$in": list(record_ids)}, f"{owed}.due": _EVER}
        with self.database.writing():
            self.database.collection(self.collection_name).update_many(
                wanted, {"$set": {f"{owed}.missed": True, f"{owed}.due": now}}
            )

    def postpone(
        self, to: Creditor, shipped: tuple[str, Version], reason: str, due: datetime, *, park: bool
    ) -> None:
        owed = f"_owed.{to.value}"
        record_id, version = shipped
        come, gone = ("parked", "due") if park else ("due", "parked")
        change = {
            "$inc": {f"{owed}.tries": 1},
            "$set": {
                f"{owed}.missed": False,
                f"{owed}.reason": reason,
                f"{owed}.{come}": True if park else due,
            },
            "$unset": {f"{owed}.{gone}": ""},
        }
        with self.database.writing():
            self.database.collection(self.collection_name).update_one(
                {"_id": record_id, **exactly(version), owed: {"$exists": True}}, change
            )

    def retry_parked(self, to: Creditor, now: datetime) -> int:
        owed = f"_owed.{to.value}"
        anew = {
            "$set": {f"{owed}.due": now, f"{owed}.tries": 0},
            "$unset": {f"{owed}.parked": ""},
        }
        with self.database.writing():
            parked = self.database.collection(self.collection_name)
            return parked.update_many({f"{owed}.parked": True}, anew).modified_count

    def parked(self, to: Creditor, limit: int) -> Sequence[Parked]:
        owed = f"_owed.{to.value}"
        order = [(f"{owed}.since", ASCENDING), ("_id", ASCENDING)]
        with self.database.reading():
            parked = self.database.collection(self.collection_name)
            found = list(parked.find({f"{owed}.parked": True}, {owed: 1}, sort=order, limit=limit))
        return [self._parked(each["_id"], each["_owed"][to.value]) for each in found]

    def backlog(self, to: Creditor) -> Backlog:
        owed = f"_owed.{to.value}"
        waiting: list[dict[str, Any]] = [
            {"$match": {f"{owed}.due": _EVER}},
            {"$group": {"_id": f"${owed}.missed", "count": {"$sum": 1}}},
        ]
        with self.database.reading():
            debts = self.database.collection(self.collection_name)
            counts = {each["_id"]: each["count"] for each in debts.aggregate(waiting)}
            parked = debts.count_documents({f"{owed}.parked": True})
        missed = counts.get(True, 0)
        return Backlog(missed + counts.get(False, 0), missed, parked)

    def _parked(self, record_id: str, debt: Document) -> Parked:
        return Parked(self.kind.name, record_id, debt["tries"], debt["reason"], debt["since"])


def _index(to: Creditor, leading: str, *others: str) -> IndexModel:
    first = f"_owed.{to.value}.{leading}"
    return IndexModel(
        [(path, ASCENDING) for path in dict.fromkeys((first, *others, "_id"))],
        name=f"{leading}_to_{to.value}",
        partialFilterExpression={first: {"$exists": True}},
    )
