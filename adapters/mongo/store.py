"""One kind of record in one MongoDB collection; what all kinds have in common.

A kind's adapter adds the questions of its port and the indexes they need.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import DuplicateKeyError

from adapters.mongo.client import Document
from adapters.mongo.counters import UNTOLD, Counters, counted
from adapters.mongo.database import Layout, MongoDatabase
from adapters.mongo.debts import MongoDebts, debt_indexes
from adapters.mongo.documents import (
    covered_by,
    exactly,
    from_document,
    older_than,
    to_document,
    version_of,
)
from adapters.mongo.draft import Draft
from adapters.mongo.errors import taken_key
from adapters.mongo.writer import ATTEMPTS, Writer
from dinerapp.replication import codec
from dinerapp.replication.errors import Contended, DuplicateKey, Refused
from dinerapp.replication.ports.replica import (
    Audience,
    Count,
    Creditor,
    Delivery,
    Fingerprint,
    Owing,
    Taken,
)
from dinerapp.replication.ports.repository import After, Page, Repository, Seen
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place

R = TypeVar("R", bound=Record)

_FINGERPRINTS = "fingerprints"
_UNTOLD_INDEX = IndexModel([(UNTOLD, ASCENDING)], sparse=True, name="untold")


class MongoStore(MongoDebts[R], Store[R]):
    """The base of every kind's adapter. `filled` are fields that are asked about and that older
    documents lack, and what stands in for them, as an expression."""

    indexes: ClassVar[Sequence[IndexModel]] = ()
    filled: ClassVar[Mapping[str, str]] = {}

    def __init__(self, database: MongoDatabase) -> None:
        self.database = database
        self.place = database.place
        self.collection_name = self.kind.name
        self._counters = Counters(database)
        self._writer = Writer(database, self.collection_name, self._counters)
        layout = Layout(self.collection_name, self._all_indexes(), self.filled, self.kind.takes)
        database.declare(layout)

    @property
    def collection(self) -> MongoCollection[Document]:
        """For use within `reading` or `writing` of the database."""
        return self.database.collection(self.collection_name)

    def accept(self, record: R, owing: Collection[Owing] = (), basis: Collection[Seen] = ()) -> R:
        accepted = record.stamped(self.place)
        if basis and not self._is_current(basis):
            raise self.rejection(record, self.load([record.id]).get(record.id), basis)
        document = to_document(self.kind, accepted, owing)
        over = {**covered_by(record.version), "deleted": False}
        draft = Draft(document=document, over=over, limited=True)
        draft = replace(draft, counting=draft.is_first and draft.counted is not None)
        for _ in range(ATTEMPTS):
            if self._put_unique(draft):
                return accepted
            stored = self.load([record.id]).get(record.id)
            if stored is not None and (stored.deleted or not record.version.covers(stored.version)):
                raise self.rejection(record, stored)
            draft = self._adapted(draft)
        raise self._restless(record)

    def deliver(self, records: Sequence[R], owing: Collection[Owing] = ()) -> Sequence[Delivery[R]]:
        drafts = [self._delivered(record, owing) for record in records]
        if len(records) == 1:
            return [self._deliver(records[0], drafts[0])]
        done = self._writer.put_together(drafts)
        stored = self.load([record.id for record in records if record.id not in done])
        return [
            Delivery(Taken.STORED)
            if record.id in done
            else self._passed_over(record, stored.get(record.id)) or self._deliver(record, draft)
            for record, draft in zip(records, drafts, strict=True)
        ]

    def replace(self, stored: R, merged: R, owing: Collection[Owing] = ()) -> bool:
        draft = Draft(
            document=to_document(self.kind, merged, owing),
            over={**exactly(stored.version), "_digest": codec.digest(stored)},
            upsert=False,
        )
        counting = draft.counted is not None or counted(self.kind, stored) is not None
        draft = replace(self._adapted(draft), counting=counting)
        return self._writer.put_displacing(draft)[0]

    def refresh(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _can_be_stored(record_id)]
        with self.database.reading():
            found = list(self.collection.find({"_id": {"$in": ids}}, {"_digest": 1}))
        held = {each["_id"]: each["_digest"] for each in found}
        changes = [
            UpdateOne(
                {"_id": record.id, **exactly(record.version), "_digest": held[record.id]},
                {"$set": {"_digest": digest}},
            )
            for record in self.load(list(held)).values()
            if (digest := codec.digest(record)) != held[record.id]
        ]
        if not changes:
            return 0
        with self.database.writing():
            return self.collection.bulk_write(changes, ordered=False).matched_count

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        ids = [record_id for record_id in record_ids if _can_be_stored(record_id)]
        if not ids:
            return {}
        wanted = {"_id": {"$eq": ids[0]} if len(ids) == 1 else {"$in": ids}}
        return {record.id: record for record in self._found(wanted)}

    def scan(self, after: str | None, limit: int) -> Sequence[R]:
        wanted = {} if after is None else {"_id": {"$gt": after}}
        return self._found(wanted, [("_id", ASCENDING)], limit)

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        sums = {"_id": "$_bucket", "count": {"$sum": 1}, "digest": {"$sum": "$_digest"}}
        with self.database.reading():
            found = list(self.collection.aggregate([{"$group": sums}], hint=_FINGERPRINTS))
        return {each["_id"]: Fingerprint(each["count"], each["digest"]) for each in found}

    def bucket(self, number: int) -> Mapping[str, int]:
        with self.database.reading():
            found = list(self.collection.find({"_bucket": {"$eq": number}}, {"_digest": 1}))
        return {each["_id"]: each["_digest"] for each in found}

    def counts(self, keys: Collection[str]) -> Mapping[str, Count]:
        return self._counters.counts(keys)

    def _found(
        self, wanted: Document, order: Sequence[tuple[str, int]] | None = None, limit: int = 0
    ) -> list[R]:
        with self.database.reading():
            try:
                found = list(self.collection.find(wanted, sort=order, limit=limit))
            except UnicodeEncodeError:
                # Nothing that is stored equals what could never be.
                return []
        return [from_document(self.kind, each) for each in found]

    def _newest(self, wanted: Document, after: After | None, limit: int) -> Page[R]:
        """A page of the living records wanted, newest first by creation and then by id."""
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        wanted = {**wanted, **_beyond(after), "deleted": False}
        return Page.of(self._found(wanted, order, limit + 1), limit)

    def _is_current(self, basis: Collection[Seen]) -> bool:
        """Looked at just before the write: in the same step it would take a transaction."""
        versions = {(seen.kind, seen.record_id): seen.version for seen in basis}
        with self.database.reading():
            return all(
                versions[kind, each["_id"]].covers(version_of(each))
                for kind in {seen.kind for seen in basis}
                for each in self.database.collection(kind).find(
                    {"_id": {"$in": [key for name, key in versions if name == kind]}},
                    {"version": 1},
                )
            )

    def _delivered(self, record: R, owing: Collection[Owing]) -> Draft:
        document = to_document(self.kind, record, owing)
        draft = Draft(document=document, over=older_than(record.version))
        return replace(draft, untold=draft.is_first and draft.only_holds)

    def _put_unique(self, draft: Draft) -> bool:
        try:
            return self._writer.put(draft)
        except DuplicateKeyError as error:
            raise DuplicateKey(taken_key(error.details).partition(".")[2]) from error

    def _deliver(self, record: R, draft: Draft) -> Delivery[R]:
        for _ in range(ATTEMPTS):
            try:
                done, displaced = self._writer.put_displacing(draft)
            except Refused as error:
                return Delivery(Taken.REFUSED, reason=str(error))
            if done:
                return Delivery(Taken.STORED, displaced=displaced)
            answer = self._passed_over(record, self.load([record.id]).get(record.id))
            if answer is not None:
                return answer
            draft = self._adapted(draft)
        raise self._restless(record)

    def _adapted(self, draft: Draft) -> Draft:
        """It for one more try, with an eye on what may have been in its way."""
        draft = replace(draft, counting=True, untold=False)
        if not draft.pending:
            return draft
        with self.database.reading():
            stored = self.collection.find_one({"_id": {"$eq": draft.id}}, {"_owed": 1}) or {}
        owed = stored.get("_owed", {})
        return draft.missed_by([place for place, debt in owed.items() if debt["missed"]])

    def _passed_over(self, record: R, stored: R | None) -> Delivery[R] | None:
        if stored is None or (
            record.version.covers(stored.version) and record.version != stored.version
        ):
            return None
        return self.passed_over(record, stored)

    def _restless(self, record: R) -> Contended:
        return Contended(self.database.name, f"{self.kind.name} {record.id} kept changing")

    def _all_indexes(self) -> Sequence[IndexModel]:
        unique = [
            IndexModel(f"_unique.{name}", name=f"unique_{name}", unique=True, sparse=True)
            for name in self.kind.unique
        ]
        by_bucket = [("_bucket", ASCENDING), ("_digest", ASCENDING), ("_id", ASCENDING)]
        debts = [index for to in self._creditors() for index in debt_indexes(to)]
        untold = [_UNTOLD_INDEX] if self.kind.takes else []
        return [*unique, IndexModel(by_bucket, name=_FINGERPRINTS), *debts, *untold, *self.indexes]

    def _creditors(self) -> Sequence[Creditor]:
        places = [place for place in Place if place != self.place]
        return [*places, Audience.FOLLOWERS] if self.kind.followed else places


def plain_collection(port: type[Repository[Any]]) -> type[MongoStore[Any]]:
    """The store of a kind that is asked for nothing beyond every repository's own questions."""
    return type(f"Mongo{port.__name__}", (MongoStore, port), {})


def newest_first(*fields: str) -> IndexModel:
    """The index for pages of living records that are equal in the fields."""
    return IndexModel(
        [*((name, ASCENDING) for name in fields), ("created_at", DESCENDING), ("_id", DESCENDING)],
        name="_".join((*fields, "newest")).replace(".", "_"),
        partialFilterExpression={"deleted": False},
    )


def _beyond(after: After | None) -> dict[str, Any]:
    if after is None:
        return {}
    seen = {"created_at": after.created_at, "_id": {"$gte": after.id}}
    # As $or the planner would take it apart, and might prefer to sort.
    return {"created_at": {"$lte": after.created_at}, "$nor": [seen]}


def _can_be_stored(record_id: str) -> bool:
    try:
        record_id.encode()
    except UnicodeEncodeError:
        return False
    return True
