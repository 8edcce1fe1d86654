"""How states get into a collection: alone or together, with counters or without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pymongo import ReplaceOne, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from adapters.mongo.client import Document
from adapters.mongo.counters import UNTOLD, Counters, Moves, Short, crowded, told
from adapters.mongo.database import MongoDatabase
from adapters.mongo.draft import Draft
from adapters.mongo.errors import refusing, taken_key
from dinerapp.replication.errors import Contended, Refused

ATTEMPTS = 10
_CHUNK = 100


class _OutOfPlace(Exception):
    """The state that the draft may go over is not there; the transaction must not commit."""


class Writer:
    """Writes drafts into one collection.

    A draft whose record holds the same as before goes in with one operation, and so does a first
    state that is only delivered; only a change of what is held costs a transaction.
    """

    def __init__(self, database: MongoDatabase, collection: str, counters: Counters) -> None:
        self._database = database
        self._name = collection
        self._counters = counters

    def put(self, draft: Draft) -> bool:
        """False when what the draft may go over is not there, or holds something else.

        Raises DuplicateKeyError for a unique value, Refused, and Exhausted when it is limited.
        """
        with refusing():
            try:
                return self._put_counting(draft) if draft.counting else self._put_alike(draft)
            except DuplicateKeyError as error:
                if taken_key(error.details) != "_id":
                    raise
                return False

    def put_displacing(self, draft: Draft) -> tuple[bool, str | None]:
        """Like `put`, but of two records with one unique value the lower id keeps it.

        Also says which record is without its unique values now.
        """
        displaced: str | None = None
        for _ in range(ATTEMPTS):
            try:
                return self.put(draft), displaced
            except DuplicateKeyError as error:
                holder = self._holder(draft, taken_key(error.details))
            if holder is not None:
                draft = draft.contending_with(holder)
                displaced = max(draft.id, holder)
        raise Contended(self._database.name, f"{self._name} {draft.id} found no place")

    def put_together(self, drafts: Sequence[Draft]) -> set[str]:
        """The ids of those that went in; why others did not, only trying them alone can tell."""
        plain = [draft for draft in drafts if draft.upserts_alone]
        counted = [draft for draft in drafts if not draft.upserts_alone]
        chunks = [counted[start : start + _CHUNK] for start in range(0, len(counted), _CHUNK)]
        done = self._unspoilt(self._put_plain, plain)
        return done.union(*(self._unspoilt(self._put_counted, chunk) for chunk in chunks))

    def _put_alike(self, draft: Draft) -> bool:
        with self._database.writing():
            result = self._database.collection(self._name).replace_one(
                draft.place_of_its_like, draft.content, upsert=draft.upserts_alone
            )
        return result.matched_count == 1 or result.upserted_id is not None

    def _put_counting(self, draft: Draft) -> bool:
        if draft.limited:
            self._counters.catch_up()
        try:
            self._database.transact(
                lambda session: self._put_within(draft, session), crowded(draft.counted)
            )
        except _OutOfPlace:
            return False
        except Short as short:
            self._counters.provide(short.wanted)
            return False
        return True

    def _put_within(self, draft: Draft, session: ClientSession | None) -> None:
        collection = self._database.collection(self._name)
        for holder in draft.displacing:
            collection.update_one({"_id": holder}, {"$unset": {"_unique": ""}}, session=session)
        before: Document | None = collection.find_one_and_replace(
            draft.place,
            draft.document,
            {"_counted": 1, UNTOLD: 1},
            upsert=draft.upsert,
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        if before is None and not draft.upsert:
            raise _OutOfPlace
        moves = Moves()
        moves.add(told(before), draft.counted)
        self._counters.move(moves, session, limited=draft.limited)

    def _holder(self, draft: Draft, path: str) -> str | None:
        with self._database.reading():
            holder = self._database.collection(self._name).find_one(
                {path: {"$eq": draft.unique_value(path)}}, {"_id": 1}
            )
        return None if holder is None else holder["_id"]

    def _unspoilt(
        self, put: Callable[[Sequence[Draft]], set[str]], drafts: Sequence[Draft]
    ) -> set[str]:
        """What `put` says, or nothing when one draft spoils it for the others."""
        try:
            with refusing():
                return put(drafts) if drafts else set()
        except (Refused, BulkWriteError):
            return set()

    def _put_plain(self, drafts: Sequence[Draft]) -> set[str]:
        try:
            with self._database.writing():
                self._database.collection(self._name).bulk_write(
                    [_over(draft.place_of_its_like, draft) for draft in drafts], ordered=False
                )
        except BulkWriteError as error:
            failed = {each["index"] for each in error.details["writeErrors"]}
            return {draft.id for index, draft in enumerate(drafts) if index not in failed}
        return {draft.id for draft in drafts}

    def _put_counted(self, drafts: Sequence[Draft]) -> set[str]:
        keys = [key for draft in drafts for key in crowded(draft.counted)]
        return self._database.transact(lambda session: self._put_all_within(drafts, session), keys)

    def _put_all_within(self, drafts: Sequence[Draft], session: ClientSession | None) -> set[str]:
        collection = self._database.collection(self._name)
        ids = {"_id": {"$in": [draft.id for draft in drafts]}}
        known = {"version": 1, "_counted": 1, UNTOLD: 1}
        found = collection.find(ids, known, session=session)
        stored = {each["_id"]: each for each in found}
        newer = [draft for draft in drafts if draft.follows(stored.get(draft.id))]
        if newer:
            collection.bulk_write(
                [_over({"_id": draft.id}, draft) for draft in newer], session=session
            )
            self._counters.move(_moves(stored, newer), session, limited=False)
        return {draft.id for draft in newer}


def _over(place: Document, draft: Draft) -> ReplaceOne[Document]:
    return ReplaceOne(place, draft.content, upsert=True)


def _moves(stored: dict[str, Document], drafts: Iterable[Draft]) -> Moves:
    moves = Moves()
    for draft in drafts:
        moves.add(told(stored.get(draft.id)), draft.counted)
    return moves
