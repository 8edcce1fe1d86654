"""How states get into a collection: alone or together, with counters or without."""

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
    """The state that the draft may go over is not there; the transaction must not commit."""


class CollectionWriter:
    """Writes drafts into one collection.

    A draft whose record holds the same as before goes in with one operation, and so does a first
    state that is only delivered; only a change of what is held costs a transaction.
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
        """False when what the draft may go over is not there, or holds something else.

        Raises DuplicateKeyError for a unique value, Refused, and Exhausted when it is limited.
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
        """Like `put`, but of two records with one unique value the lower id keeps it.

        Also says which record is without its unique values now.
        """
        displaced: str | None = None
        for _ in range(MAX_ATTEMPTS):
            try:
                return self.put(write), displaced
            except DuplicateKeyError as error:
                holder = self._unique_holder(write, duplicate_key_path(error.details))
            if holder is not None:
                write = write.with_duplicate_resolved(holder)
                displaced = max(write.id, holder)
        raise Contended(self._database.name, f"{self._name} {write.id} found no place")

    def put_many(self, writes: Sequence[PendingWrite]) -> set[str]:
        """The ids of those that went in; why others did not, only trying them alone can tell."""
        plain = [draft for draft in writes if draft.upserts_without_counters]
        counted = [draft for draft in writes if not draft.upserts_without_counters]
        chunks = [
            counted[start : start + _CHUNK_SIZE] for start in range(0, len(counted), _CHUNK_SIZE)
        ]
        done = self._or_empty(self._put_uncounted, plain)
        return done.union(*(self._or_empty(self._put_counted, chunk) for chunk in chunks))

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
        except CounterShortfall as short:
            self._counters.create_missing(short.deltas)
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
        moves = CounterDeltas(self._default_limit)
        moves.add(counted_state(before), write.counter_state)
        self._counters.apply(moves, session, enforce_limits=write.enforce_limits)

    def _unique_holder(self, write: PendingWrite, path: str) -> str | None:
        with self._database.reading():
            holder = self._database.collection(self._name).find_one(
                {path: {"$eq": write.unique_value(path)}}, {"_id": 1}
            )
        return None if holder is None else holder["_id"]

    def _or_empty(
        self, put: Callable[[Sequence[PendingWrite]], set[str]], writes: Sequence[PendingWrite]
    ) -> set[str]:
        """What `put` says, or nothing when one draft spoils it for the others."""
        try:
            with translate_refusals():
                return put(writes) if writes else set()
        except (UnstorableRecord, BulkWriteError):
            return set()

    def _put_uncounted(self, writes: Sequence[PendingWrite]) -> set[str]:
        try:
            with self._database.writing():
                self._database.collection(self._name).bulk_write(
                    [_replacement(draft.same_reservations_filter, draft) for draft in writes],
                    ordered=False,
                )
        except BulkWriteError as error:
            failed = {each["index"] for each in error.details["writeErrors"]}
            return {draft.id for index, draft in enumerate(writes) if index not in failed}
        return {draft.id for draft in writes}

    def _put_counted(self, writes: Sequence[PendingWrite]) -> set[str]:
        keys = [key for draft in writes for key in counter_keys(draft.counter_state)]
        return self._database.transact(
            lambda session: self._put_many_in_session(writes, session), keys
        )

    def _put_many_in_session(
        self, writes: Sequence[PendingWrite], session: ClientSession | None
    ) -> set[str]:
        collection = self._database.collection(self._name)
        ids = {"_id": {"$in": [draft.id for draft in writes]}}
        known = {"version": 1, "_counted": 1, UNCOUNTED: 1}
        found = collection.find(ids, known, session=session)
        stored = {each["_id"]: each for each in found}
        newer = [draft for draft in writes if draft.is_newer_than(stored.get(draft.id))]
        if newer:
            collection.bulk_write(
                [_replacement({"_id": draft.id}, draft) for draft in newer], session=session
            )
            self._counters.apply(self._deltas(stored, newer), session, enforce_limits=False)
        return {draft.id for draft in newer}

    def _deltas(self, stored: dict[str, Document], writes: Iterable[PendingWrite]) -> CounterDeltas:
        moves = CounterDeltas(self._default_limit)
        for draft in writes:
            moves.add(counted_state(stored.get(draft.id)), draft.counter_state)
        return moves


def _replacement(query: Document, write: PendingWrite) -> ReplaceOne[Document]:
    return ReplaceOne(query, write.stored_document, upsert=True)
