"""The part of a pymongo collection that the MongoDB adapter uses, over mongomock.

Made up for here: mongomock 4.3 knows no sessions, fails at pymongo's bulk operations, does not say
which key was taken twice, is not safe with threads, looks at every document to find one by id, and
has no unions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any

from mongomock import MongoClient
from mongomock.collection import Collection
from mongomock.filtering import filter_applies
from pymongo import IndexModel, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError
from pymongo.results import BulkWriteResult

from adapters.mongo.client import Document
from adapters.mongo.errors import DUPLICATE_KEY_CODE

_INDEX_OPTIONS = {"hint", "min", "max"}
_UNION_STAGE = "$unionWith"
UndoStep = Callable[[], object]

_matches: Callable[[Document, Document], bool] = filter_applies


class MemoryServer:
    """The collections of one database, and the one lock that all operations take turns at."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.undo_log: list[UndoStep] | None = None
        self._database: Any = MongoClient(tz_aware=True)["memory"]
        self._collections: dict[str, MemoryCollection] = {}

    def __getitem__(self, name: str) -> MemoryCollection:
        with self.lock:
            if name not in self._collections:
                self._collections[name] = MemoryCollection(self, self._new_backing_collection(name))
            return self._collections[name]

    def _new_backing_collection(self, name: str) -> Any:
        inside, options = self._database._store, self._database.codec_options
        quick: Callable[..., Any] = _IdLookupCollection
        return quick(self._database, name, inside, codec_options=options)


class MemoryCollection:
    """Reads give lists, not cursors; sessions are ignored, for only one thing happens at a time."""

    def __init__(self, server: MemoryServer, backing: Any) -> None:
        self._server = server
        self._backing = backing
        self._unique_paths: set[str] = set()

    def create_indexes(self, indexes: Sequence[IndexModel]) -> None:
        """Only the unique ones: no other changes any answer."""
        unique = [index for index in indexes if index.document.get("unique")]
        with self._server.lock:
            self._backing.create_indexes(unique)
            self._unique_paths.update(path for index in unique for path in index.document["key"])

    def find(self, *args: Any, session: None = None, **options: Any) -> list[Document]:
        """Hints and the bounds in an index change no answer."""
        options = {name: it for name, it in options.items() if name not in _INDEX_OPTIONS}
        with self._server.lock:
            return list(self._backing.find(*args, **options))

    def find_one(self, *args: Any, **options: Any) -> Document | None:
        return next(iter(self.find(*args, **options, limit=1)), None)

    def aggregate(self, pipeline: Sequence[Document], hint: str | None = None) -> list[Document]:
        """Unions come last; mongomock has none."""
        own = [stage for stage in pipeline if _UNION_STAGE not in stage]
        unions = [stage[_UNION_STAGE] for stage in pipeline if _UNION_STAGE in stage]
        with self._server.lock:
            found = list(self._backing.aggregate(own))
            for union in unions:
                found += self._server[union["coll"]].aggregate(union["pipeline"])
            return found

    def count_documents(self, query: Document) -> int:
        with self._server.lock:
            counted: int = self._backing.count_documents(query)
            return counted

    def replace_one(self, query: Document, document: Document, *, upsert: bool = False) -> Any:
        return self._write("replace_one", query, document, upsert=upsert)

    def update_one(
        self, query: Document, change: Document, *, upsert: bool = False, session: None = None
    ) -> Any:
        return self._write("update_one", query, change, upsert=upsert)

    def update_many(self, query: Document, change: Document, session: None = None) -> Any:
        with self._server.lock:
            return self._backing.update_many(query, change)

    def delete_one(self, query: Document) -> Any:
        with self._server.lock:
            return self._backing.delete_one(query)

    def find_one_and_replace(
        self,
        query: Document,
        document: Document,
        projection: Document,
        *,
        upsert: bool,
        return_document: bool,
        session: None = None,
    ) -> Document | None:
        """Always returns the document before."""
        with self._server.lock:
            before = self.find_one(query, projection)
            self._write("replace_one", query, document, upsert=upsert)
            return before

    def bulk_write(
        self,
        operations: Iterable[ReplaceOne[Document] | UpdateOne],
        *,
        ordered: bool = True,
        session: None = None,
    ) -> BulkWriteResult:
        counts = {"nMatched": 0, "nUpserted": 0}
        errors: list[Document] = []
        with self._server.lock:
            for index, operation in enumerate(operations):
                try:
                    result = self._perform(operation)
                except WriteError as error:
                    errors.append({**(error.details or {}), "index": index, "code": error.code})
                    if ordered:
                        break
                else:
                    counts["nMatched"] += result.matched_count
                    counts["nUpserted"] += result.upserted_id is not None
        if errors:
            raise BulkWriteError({"writeErrors": errors, "writeConcernErrors": [], **counts})
        return BulkWriteResult(counts, acknowledged=True)

    def _perform(self, operation: ReplaceOne[Document] | UpdateOne) -> Any:
        method = "replace_one" if isinstance(operation, ReplaceOne) else "update_one"
        place: Any = operation._filter
        return self._write(method, place, operation._doc, upsert=bool(operation._upsert))

    def _write(self, method: str, query: Document, change: Any, *, upsert: bool) -> Any:
        with self._server.lock:
            if self._server.undo_log is not None:
                self._server.undo_log.append(self._undo_step(query["_id"]))
            try:
                return getattr(self._backing, method)(query, change, upsert=upsert)
            except DuplicateKeyError as error:
                taken = {"keyPattern": {self._duplicate_path(query, change): 1}}
                raise DuplicateKeyError(str(error), DUPLICATE_KEY_CODE, taken) from error

    def _undo_step(self, document_id: str) -> UndoStep:
        before = self.find_one({"_id": document_id})
        if before is None:
            return lambda: self._backing.delete_one({"_id": document_id})
        return lambda: self._backing.replace_one({"_id": document_id}, before, upsert=True)

    def _duplicate_path(self, query: Document, document: Document) -> str:
        for path in sorted(self._unique_paths):
            value = _value_at(path, document)
            others = {"_id": {"$ne": query["_id"]}, path: {"$eq": value}}
            if value is not None and self._backing.count_documents(others):
                # Like a server, which looks at `_id` first.
                is_there = self.find_one({"_id": query["_id"]}) is not None
                return "_id" if is_there and self.find_one(query) is None else path
        return "_id"


class _IdLookupCollection(Collection):
    """Finds documents by id without looking at the others."""

    def _iter_documents(self, query: Document) -> Iterator[Document]:
        match query.get("_id"):
            case str(only) | {"$eq": str(only)}:
                ids = [only]
            case {"$in": [*ids]}:
                pass
            case _:
                ids = [document["_id"] for document in self._store.documents]
        documents = [self._store[each] for each in dict.fromkeys(ids) if each in self._store]
        return (document for document in documents if _matches(query, document))


def _value_at(path: str, document: Mapping[str, Any]) -> Any:
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
