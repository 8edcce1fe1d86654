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
from adapters.mongo.counters import (
    HOLDS_INDEX,
    UNCOUNTED,
    Counters,
    counter_state,
    holding,
    index_bounds,
)
from adapters.mongo.database import CollectionSpec, MongoDatabase
from adapters.mongo.documents import (
    at_version,
    dominated_by,
    from_document,
    older_than,
    to_document,
    version_of,
)
from adapters.mongo.errors import duplicate_key_path
from adapters.mongo.outbox import MongoOutbox, outbox_indexes
from adapters.mongo.pending_write import PendingWrite
from adapters.mongo.writer import MAX_ATTEMPTS, CollectionWriter
from dinerapp.replication import codec
from dinerapp.replication.errors import Contended, DuplicateKey, UnstorableRecord
from dinerapp.replication.ports.replica import (
    ApplyOutcome,
    ApplyResult,
    Fingerprint,
    FollowerTarget,
    OutboxEntry,
    Target,
)
from dinerapp.replication.ports.repository import Cursor, Page, ReadVersion, Usage
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId

R = TypeVar("R", bound=Record)

_FINGERPRINTS_INDEX = "fingerprints"
_UNCOUNTED_INDEX = IndexModel([(UNCOUNTED, ASCENDING)], sparse=True, name="untold")


class MongoStore(MongoOutbox[R], Store[R]):
    """The base of every kind's adapter. `filled` are fields that are asked about and that older
    documents lack, and what stands in for them, as an expression."""

    index_models: ClassVar[Sequence[IndexModel]] = ()
    backfills: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, database: MongoDatabase) -> None:
        self.database = database
        self.store_id = database.store_id
        self.collection_name = self.kind.name
        self._counters = Counters(database)
        self._writer = CollectionWriter(
            database, self.collection_name, self._counters, self.kind.default_limit
        )
        layout = CollectionSpec(
            self.collection_name,
            self._all_indexes(),
            self.backfills,
            self.kind.has_reservations,
            self.kind.default_limit,
        )
        database.declare(layout)

    @property
    def collection(self) -> MongoCollection[Document]:
        """For use within `reading` or `writing` of the database."""
        return self.database.collection(self.collection_name)

    def accept(
        self,
        record: R,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> R:
        accepted = record.as_accepted_by(self.store_id)
        if read_set and not self._is_current(read_set):
            raise self.rejection(record, self.load([record.id]).get(record.id), read_set)
        document = to_document(self.kind, accepted, entries)
        over = {**dominated_by(record.version), "deleted": False}
        draft = PendingWrite(document=document, precondition=over, enforce_limits=True)
        draft = replace(draft, in_transaction=draft.is_first and draft.counter_state is not None)
        for _ in range(MAX_ATTEMPTS):
            if self._put_unique(draft):
                return accepted
            stored = self.load([record.id]).get(record.id)
            if stored is not None and (
                stored.deleted or not record.version.dominates(stored.version)
            ):
                raise self.rejection(record, stored)
            draft = self._retry_write(draft)
        raise self._contended(record)

    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        drafts = [self._delivery_write(record, entries) for record in records]
        if len(records) == 1:
            return [self._deliver_alone(records[0], drafts[0])]
        done = self._writer.put_many(drafts)
        stored = self.load([record.id for record in records if record.id not in done])
        return [
            ApplyResult(ApplyOutcome.STORED)
            if record.id in done
            else self._skip_result(record, stored.get(record.id))
            or self._deliver_alone(record, draft)
            for record, draft in zip(records, drafts, strict=True)
        ]

    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        draft = PendingWrite(
            document=to_document(self.kind, merged, entries),
            precondition={**at_version(stored.version), "_digest": codec.digest(stored)},
            upsert=False,
        )
        counting = draft.counter_state is not None or counter_state(self.kind, stored) is not None
        draft = replace(self._retry_write(draft), in_transaction=counting)
        return self._writer.put_displacing(draft)[0]

    def rehash(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _is_encodable(record_id)]
        with self.database.reading():
            found = list(self.collection.find({"_id": {"$in": ids}}, {"_digest": 1}))
        held = {each["_id"]: each["_digest"] for each in found}
        changes = [
            UpdateOne(
                {"_id": record.id, **at_version(record.version), "_digest": held[record.id]},
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
        ids = [record_id for record_id in record_ids if _is_encodable(record_id)]
        if not ids:
            return {}
        wanted = {"_id": {"$eq": ids[0]} if len(ids) == 1 else {"$in": ids}}
        return {record.id: record for record in self._find(wanted)}

    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        wanted = {} if after_id is None else {"_id": {"$gt": after_id}}
        return self._find(wanted, [("_id", ASCENDING)], limit)

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        sums = {"_id": "$_bucket", "count": {"$sum": 1}, "digest": {"$sum": "$_digest"}}
        with self.database.reading():
            found = list(self.collection.aggregate([{"$group": sums}], hint=_FINGERPRINTS_INDEX))
        return {each["_id"]: Fingerprint(each["count"], each["digest"]) for each in found}

    def bucket_digests(self, number: int) -> Mapping[str, int]:
        with self.database.reading():
            found = list(self.collection.find({"_bucket": {"$eq": number}}, {"_digest": 1}))
        return {each["_id"]: each["_digest"] for each in found}

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        found = self._counters.usage([*filter(codec.is_storable, keys)])
        return {key: found.get(key, Usage(0, None)) for key in keys}

    def holders(self, key: str, limit: int) -> Sequence[R]:
        query = {**holding(key), "deleted": False}
        bounds = index_bounds(key) if self.kind.default_limit is not None else {}
        order = [("created_at", ASCENDING), ("_id", ASCENDING)]
        return self._find(query, order, limit, **bounds)

    def _find(
        self,
        query: Document,
        order: Sequence[tuple[str, int]] | None = None,
        limit: int = 0,
        **bounds: Any,
    ) -> list[R]:
        with self.database.reading():
            try:
                found = list(self.collection.find(query, sort=order, limit=limit, **bounds))
            except UnicodeEncodeError:
                # Nothing that is stored equals what could never be.
                return []
        return [from_document(self.kind, each) for each in found]

    def _newest_page(self, query: Document, after: Cursor | None, limit: int) -> Page[R]:
        """A page of the living records wanted, newest first by creation and then by id."""
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        query = {**query, **cursor_query(after), "deleted": False}
        return Page.from_records(self._find(query, order, limit + 1), limit)

    def _is_current(self, read_set: Collection[ReadVersion]) -> bool:
        """Looked at just before the write: in the same step it would take a transaction."""
        versions = {(seen.kind, seen.record_id): seen.version for seen in read_set}
        with self.database.reading():
            return all(
                versions[kind, each["_id"]].dominates(version_of(each))
                for kind in {seen.kind for seen in read_set}
                for each in self.database.collection(kind).find(
                    {"_id": {"$in": [key for name, key in versions if name == kind]}},
                    {"version": 1},
                )
            )

    def _delivery_write(self, record: R, entries: Collection[OutboxEntry]) -> PendingWrite:
        document = to_document(self.kind, record, entries)
        draft = PendingWrite(document=document, precondition=older_than(record.version))
        return replace(draft, uncounted=draft.is_first and draft.only_reserves)

    def _put_unique(self, write: PendingWrite) -> bool:
        try:
            return self._writer.put(write)
        except DuplicateKeyError as error:
            raise DuplicateKey(duplicate_key_path(error.details).partition(".")[2]) from error

    def _deliver_alone(self, record: R, write: PendingWrite) -> ApplyResult[R]:
        for _ in range(MAX_ATTEMPTS):
            try:
                done, displaced = self._writer.put_displacing(write)
            except UnstorableRecord as error:
                return ApplyResult(ApplyOutcome.REFUSED, reason=str(error))
            if done:
                return ApplyResult(ApplyOutcome.STORED, displaced_id=displaced)
            answer = self._skip_result(record, self.load([record.id]).get(record.id))
            if answer is not None:
                return answer
            write = self._retry_write(write)
        raise self._contended(record)

    def _retry_write(self, write: PendingWrite) -> PendingWrite:
        """It for one more try, with an eye on what may have been in its way."""
        write = replace(write, in_transaction=True, uncounted=False)
        if not write.in_flight_targets:
            return write
        with self.database.reading():
            stored = self.collection.find_one({"_id": {"$eq": write.id}}, {"_owed": 1}) or {}
        owed = stored.get("_owed", {})
        return write.with_undelivered([place for place, debt in owed.items() if debt["missed"]])

    def _skip_result(self, record: R, stored: R | None) -> ApplyResult[R] | None:
        if stored is None or (
            record.version.dominates(stored.version) and record.version != stored.version
        ):
            return None
        return self.skip_result(record, stored)

    def _contended(self, record: R) -> Contended:
        return Contended(self.database.name, f"{self.kind.name} {record.id} kept changing")

    def _all_indexes(self) -> Sequence[IndexModel]:
        unique = [
            IndexModel(f"_unique.{name}", name=f"unique_{name}", unique=True, sparse=True)
            for name in self.kind.unique_fields
        ]
        by_bucket = [("_bucket", ASCENDING), ("_digest", ASCENDING), ("_id", ASCENDING)]
        debts = [index for to in self._targets() for index in outbox_indexes(to)]
        untold = [_UNCOUNTED_INDEX] if self.kind.has_reservations else []
        holds = [HOLDS_INDEX] if self.kind.default_limit is not None else []
        return [
            *unique,
            IndexModel(by_bucket, name=_FINGERPRINTS_INDEX),
            *debts,
            *untold,
            *holds,
            *self.index_models,
        ]

    def _targets(self) -> Sequence[Target]:
        places = [place for place in StoreId if place != self.store_id]
        return [*places, FollowerTarget.FOLLOWERS] if self.kind.has_followers else places


def newest_first(*fields: str) -> IndexModel:
    """The index for pages of living records that are equal in the fields."""
    return IndexModel(
        [*((name, ASCENDING) for name in fields), ("created_at", DESCENDING), ("_id", DESCENDING)],
        name="_".join((*fields, "newest")).replace(".", "_"),
        partialFilterExpression={"deleted": False},
    )


def cursor_query(
    after: Cursor | None, path: str = "created_at", *, newest_first: bool = True
) -> dict[str, Any]:
    """Matches what comes after a place in the order of a time and then of ids."""
    if after is None:
        return {}
    beyond, seen = ("$lte", "$gte") if newest_first else ("$gte", "$lte")
    # As $or the planner would take it apart, and might prefer to sort.
    passed = {path: after.created_at, "_id": {seen: after.id}}
    return {path: {beyond: after.created_at}, "$nor": [passed]}


def _is_encodable(record_id: str) -> bool:
    try:
        record_id.encode()
    except UnicodeEncodeError:
        return False
    return True
