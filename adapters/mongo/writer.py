"""Executes pending writes: one or many, with or without updating counters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pymongo import ReplaceOne, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from adapters.mongo.client import Document
from adapters.mongo.counters import (
    UNCOUNTED,
    CounterDeltas,
    Counters,
    CounterShortfall,
    counted_state,
    counter_keys,
)
from adapters.mongo.database import MongoDatabase
from adapters.mongo.errors import duplicate_key_path, translate_refusals
from adapters.mongo.pending_write import PendingWrite
from dinerapp.replication.errors import Contended, UnstorableRecord

MAX_ATTEMPTS = 10
_CHUNK_SIZE = 100


class _PreconditionFailed(Exception):
    """The stored state does not meet the precondition; the transaction must not commit."""


class CollectionWriter:
    """Executes pending writes on one collection.

    A write that leaves the reservations of a record unchanged is a single operation, and so is a
    delivered first state. Only a change of reservations or limits needs a transaction.
    """

    def __init__(
        self,
        database: MongoDatabase,
        collection: str,
        counters: Counters,
        default_limit: int | None = None,
    ) -> None:
        self._database = database
        self._name = collection
        self._counters = counters
        self._default_limit = default_limit

    def put(self, write: PendingWrite) -> bool:
        """False if the stored state does not meet the precondition, or if its reservations differ
        and the write is not in a transaction.

        Raises DuplicateKeyError for a unique value, UnstorableRecord, and Exhausted if limits are
        enforced.
        """
        with translate_refusals():
            try:
                return (
                    self._put_in_transaction(write)
                    if write.in_transaction
                    else self._put_same_reservations(write)
                )
            except DuplicateKeyError as error:
                if duplicate_key_path(error.details) != "_id":
                    raise
                return False

    def put_displacing(self, write: PendingWrite) -> tuple[bool, str | None]:
        """Like `put`, but of two records with the same unique value the lower id keeps it. Also
        returns the id of the record that lost its unique values."""
        displaced: str | None = None
        for _ in range(MAX_ATTEMPTS):
            try:
                return self.put(write), displaced
            except DuplicateKeyError as error:
                holder = self._unique_holder(write, duplicate_key_path(error.details))
            if holder is not None:
                write = write.with_duplicate_resolved(holder)
                displaced = max(write.id, holder)
        raise Contended(
            self._database.name, f"unique values of {self._name} {write.id} kept changing"
        )

    def put_many(self, writes: Sequence[PendingWrite]) -> set[str]:
        """The ids of the documents that were written. To find out why others were not, each has to
        be tried alone."""
        uncounted = [write for write in writes if write.upserts_without_counters]
        counted = [write for write in writes if not write.upserts_without_counters]
        chunks = [
            counted[start : start + _CHUNK_SIZE] for start in range(0, len(counted), _CHUNK_SIZE)
        ]
        written_ids = self._or_empty(self._put_uncounted, uncounted)
        return written_ids.union(*(self._or_empty(self._put_counted, chunk) for chunk in chunks))

    def _put_same_reservations(self, write: PendingWrite) -> bool:
        with self._database.writing():
            result = self._database.collection(self._name).replace_one(
                write.same_reservations_filter,
                write.stored_document,
                upsert=write.upserts_without_counters,
            )
        return result.matched_count == 1 or result.upserted_id is not None

    def _put_in_transaction(self, write: PendingWrite) -> bool:
        if write.enforce_limits:
            self._counters.count_uncounted()
        try:
            self._database.transact(
                lambda session: self._put_in_session(write, session),
                counter_keys(write.counter_state),
            )
        except _PreconditionFailed:
            return False
        except CounterShortfall as shortfall:
            self._counters.create_missing(shortfall.deltas)
            return False
        return True

    def _put_in_session(self, write: PendingWrite, session: ClientSession | None) -> None:
        collection = self._database.collection(self._name)
        for holder in write.displaced_ids:
            collection.update_one({"_id": holder}, {"$unset": {"_unique": ""}}, session=session)
        before: Document | None = collection.find_one_and_replace(
            write.filter,
            write.document,
            {"_counted": 1, UNCOUNTED: 1},
            upsert=write.upsert,
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        if before is None and not write.upsert:
            raise _PreconditionFailed
        deltas = CounterDeltas(self._default_limit)
        deltas.add(counted_state(before), write.counter_state)
        self._counters.apply(deltas, session, enforce_limits=write.enforce_limits)

    def _unique_holder(self, write: PendingWrite, path: str) -> str | None:
        with self._database.reading():
            holder = self._database.collection(self._name).find_one(
                {path: {"$eq": write.unique_value(path)}}, {"_id": 1}
            )
        return None if holder is None else holder["_id"]

    def _or_empty(
        self, put: Callable[[Sequence[PendingWrite]], set[str]], writes: Sequence[PendingWrite]
    ) -> set[str]:
        """The result of `put`, or nothing if one of the writes makes the whole batch fail."""
        try:
            with translate_refusals():
                return put(writes) if writes else set()
        except (UnstorableRecord, BulkWriteError):
            return set()

    def _put_uncounted(self, writes: Sequence[PendingWrite]) -> set[str]:
        try:
            with self._database.writing():
                self._database.collection(self._name).bulk_write(
                    [_replacement(write.same_reservations_filter, write) for write in writes],
                    ordered=False,
                )
        except BulkWriteError as error:
            failed = {write_error["index"] for write_error in error.details["writeErrors"]}
            return {write.id for index, write in enumerate(writes) if index not in failed}
        return {write.id for write in writes}

    def _put_counted(self, writes: Sequence[PendingWrite]) -> set[str]:
        keys = [key for write in writes for key in counter_keys(write.counter_state)]
        return self._database.transact(
            lambda session: self._put_many_in_session(writes, session), keys
        )

    def _put_many_in_session(
        self, writes: Sequence[PendingWrite], session: ClientSession | None
    ) -> set[str]:
        collection = self._database.collection(self._name)
        ids = {"_id": {"$in": [write.id for write in writes]}}
        fields = {"version": 1, "_counted": 1, UNCOUNTED: 1}
        documents = collection.find(ids, fields, session=session)
        stored = {document["_id"]: document for document in documents}
        newer = [write for write in writes if write.is_newer_than(stored.get(write.id))]
        if newer:
            collection.bulk_write(
                [_replacement({"_id": write.id}, write) for write in newer], session=session
            )
            self._counters.apply(self._deltas(stored, newer), session, enforce_limits=False)
        return {write.id for write in newer}

    def _deltas(self, stored: dict[str, Document], writes: Iterable[PendingWrite]) -> CounterDeltas:
        deltas = CounterDeltas(self._default_limit)
        for write in writes:
            deltas.add(counted_state(stored.get(write.id)), write.counter_state)
        return deltas


def _replacement(query: Document, write: PendingWrite) -> ReplaceOne[Document]:
    return ReplaceOne(query, write.stored_document, upsert=True)
