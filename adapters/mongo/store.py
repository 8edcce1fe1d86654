"""The base of all MongoDB stores: one kind of record in one collection.

A subclass adds the queries of its port and the indexes that they need.
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
    reserving,
    reserving_bounds,
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
    """A subclass lists its indexes. `backfills` maps fields that queries need, but older documents
    lack, to the expressions that fill them."""

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
        spec = CollectionSpec(
            self.collection_name,
            self._all_indexes(),
            self.backfills,
            self.kind.has_reservations,
            self.kind.default_limit,
        )
        database.declare(spec)

    @property
    def collection(self) -> MongoCollection[Document]:
        """The collection, for use within `database.reading` or `database.writing`."""
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
        precondition = {**dominated_by(record.version), "deleted": False}
        write = PendingWrite(document=document, precondition=precondition, enforce_limits=True)
        write = replace(write, in_transaction=write.is_first and write.counter_state is not None)
        for _ in range(MAX_ATTEMPTS):
            if self._put_unique(write):
                return accepted
            stored = self.load([record.id]).get(record.id)
            if stored is not None and (
                stored.deleted or not record.version.dominates(stored.version)
            ):
                raise self.rejection(record, stored)
            write = self._retry_write(write)
        raise self._contended(record)

    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        writes = [self._delivery_write(record, entries) for record in records]
        if len(records) == 1:
            return [self._deliver_alone(records[0], writes[0])]
        written_ids = self._writer.put_many(writes)
        stored = self.load([record.id for record in records if record.id not in written_ids])
        return [
            ApplyResult(ApplyOutcome.STORED)
            if record.id in written_ids
            else self._skip_result(record, stored.get(record.id))
            or self._deliver_alone(record, write)
            for record, write in zip(records, writes, strict=True)
        ]

    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        write = PendingWrite(
            document=to_document(self.kind, merged, entries),
            precondition={**at_version(stored.version), "_digest": codec.digest(stored)},
            upsert=False,
        )
        is_counted = write.counter_state is not None or counter_state(self.kind, stored) is not None
        write = replace(self._retry_write(write), in_transaction=is_counted)
        return self._writer.put_displacing(write)[0]

    def rehash(self, record_ids: Collection[str]) -> int:
        ids = [record_id for record_id in record_ids if _is_encodable(record_id)]
        with self.database.reading():
            documents = list(self.collection.find({"_id": {"$in": ids}}, {"_digest": 1}))
        old_digests = {document["_id"]: document["_digest"] for document in documents}
        updates = [
            UpdateOne(
                {"_id": record.id, **at_version(record.version), "_digest": old_digests[record.id]},
                {"$set": {"_digest": digest}},
            )
            for record in self.load(list(old_digests)).values()
            if (digest := codec.digest(record)) != old_digests[record.id]
        ]
        if not updates:
            return 0
        with self.database.writing():
            return self.collection.bulk_write(updates, ordered=False).matched_count

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        ids = [record_id for record_id in record_ids if _is_encodable(record_id)]
        if not ids:
            return {}
        query = {"_id": {"$eq": ids[0]} if len(ids) == 1 else {"$in": ids}}
        return {record.id: record for record in self._find(query)}

    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        query = {} if after_id is None else {"_id": {"$gt": after_id}}
        return self._find(query, [("_id", ASCENDING)], limit)

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        sums = {"_id": "$_bucket", "count": {"$sum": 1}, "digest": {"$sum": "$_digest"}}
        with self.database.reading():
            groups = list(self.collection.aggregate([{"$group": sums}], hint=_FINGERPRINTS_INDEX))
        return {group["_id"]: Fingerprint(group["count"], group["digest"]) for group in groups}

    def bucket_digests(self, number: int) -> Mapping[str, int]:
        with self.database.reading():
            documents = list(self.collection.find({"_bucket": {"$eq": number}}, {"_digest": 1}))
        return {document["_id"]: document["_digest"] for document in documents}

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        usages = self._counters.usage([*filter(codec.is_storable, keys)])
        return {key: usages.get(key, Usage(0, None)) for key in keys}

    def holders(self, key: str, limit: int) -> Sequence[R]:
        query = {**reserving(key), "deleted": False}
        bounds = reserving_bounds(key) if self.kind.default_limit is not None else {}
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
                documents = list(self.collection.find(query, sort=order, limit=limit, **bounds))
            except UnicodeEncodeError:
                # A value that cannot be stored matches no document.
                return []
        return [from_document(self.kind, document) for document in documents]

    def _newest_page(self, query: Document, after: Cursor | None, limit: int) -> Page[R]:
        """A page of the living records that match, newest first by creation time and then by id."""
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        query = {**query, **cursor_query(after), "deleted": False}
        return Page.from_records(self._find(query, order, limit + 1), limit)

    def _is_current(self, read_set: Collection[ReadVersion]) -> bool:
        """Whether no record of the read set has changed. This is checked before the write, because
        checking it together with the write would need a transaction."""
        versions = {(read.kind, read.record_id): read.version for read in read_set}
        with self.database.reading():
            return all(
                versions[kind, document["_id"]].dominates(version_of(document))
                for kind in {read.kind for read in read_set}
                for document in self.database.collection(kind).find(
                    {"_id": {"$in": [key for name, key in versions if name == kind]}},
                    {"version": 1},
                )
            )

    def _delivery_write(self, record: R, entries: Collection[OutboxEntry]) -> PendingWrite:
        document = to_document(self.kind, record, entries)
        write = PendingWrite(document=document, precondition=older_than(record.version))
        return replace(write, uncounted=write.is_first and write.only_reserves)

    def _put_unique(self, write: PendingWrite) -> bool:
        try:
            return self._writer.put(write)
        except DuplicateKeyError as error:
            raise DuplicateKey(duplicate_key_path(error.details).partition(".")[2]) from error

    def _deliver_alone(self, record: R, write: PendingWrite) -> ApplyResult[R]:
        for _ in range(MAX_ATTEMPTS):
            try:
                written, displaced = self._writer.put_displacing(write)
            except UnstorableRecord as error:
                return ApplyResult(ApplyOutcome.REFUSED, reason=str(error))
            if written:
                return ApplyResult(ApplyOutcome.STORED, displaced_id=displaced)
            result = self._skip_result(record, self.load([record.id]).get(record.id))
            if result is not None:
                return result
            write = self._retry_write(write)
        raise self._contended(record)

    def _retry_write(self, write: PendingWrite) -> PendingWrite:
        """The write for another attempt: in a transaction, and with the undelivered marks that the
        stored document has by now."""
        write = replace(write, in_transaction=True, uncounted=False)
        if not write.in_flight_targets:
            return write
        with self.database.reading():
            stored = self.collection.find_one({"_id": {"$eq": write.id}}, {"_owed": 1}) or {}
        entries = stored.get("_owed", {})
        return write.with_undelivered([name for name, entry in entries.items() if entry["missed"]])

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
        outbox = [index for target in self._targets() for index in outbox_indexes(target)]
        uncounted = [_UNCOUNTED_INDEX] if self.kind.has_reservations else []
        holds = [HOLDS_INDEX] if self.kind.default_limit is not None else []
        return [
            *unique,
            IndexModel(by_bucket, name=_FINGERPRINTS_INDEX),
            *outbox,
            *uncounted,
            *holds,
            *self.index_models,
        ]

    def _targets(self) -> Sequence[Target]:
        others = [store_id for store_id in StoreId if store_id != self.store_id]
        return [*others, FollowerTarget.FOLLOWERS] if self.kind.has_followers else others


def newest_first(*fields: str) -> IndexModel:
    """The index for pages, newest first, of living records with given values in the fields."""
    return IndexModel(
        [*((name, ASCENDING) for name in fields), ("created_at", DESCENDING), ("_id", DESCENDING)],
        name="_".join((*fields, "newest")).replace(".", "_"),
        partialFilterExpression={"deleted": False},
    )


def cursor_query(
    after: Cursor | None, path: str = "created_at", *, newest_first: bool = True
) -> dict[str, Any]:
    """Matches records after the cursor, in the order of the time at `path` and then of ids."""
    if after is None:
        return {}
    beyond, up_to = ("$lte", "$gte") if newest_first else ("$gte", "$lte")
    # Not as $or: the planner would split it into several scans, and might sort the result.
    already_read = {path: after.created_at, "_id": {up_to: after.id}}
    return {path: {beyond: after.created_at}, "$nor": [already_read]}


def _is_encodable(record_id: str) -> bool:
    try:
        record_id.encode()
    except UnicodeEncodeError:
        return False
    return True
