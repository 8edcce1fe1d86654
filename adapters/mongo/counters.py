"""The counters of counted things: how much is reserved, and what the limits are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from bson import MaxKey
from pymongo import IndexModel, UpdateOne
from pymongo.client_session import ClientSession

from adapters.mongo.client import Document
from adapters.mongo.database import CollectionSpec, MongoDatabase
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.repository import Usage
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

_COUNTERS = "counters"
_EMPTY_STATE: Document = {"holds": [], "ceilings": []}
_CHUNK_SIZE = 500

_HOLDS = "_counted.holds"
HOLDS_INDEX = IndexModel(_HOLDS, name="holds", sparse=True)

UNCOUNTED = "_untold"
"""The field that marks documents whose `_counted` is not included in the counters yet."""


class CounterShortfall(Exception):
    """A counter is missing or has too little left; the transaction must not commit."""

    def __init__(self, deltas: CounterDeltas) -> None:
        super().__init__(f"missing or exhausted counters among {', '.join(deltas.increases())}")
        self.deltas = deltas


@dataclass(slots=True)
class CounterDeltas:
    """Changes to the reserved quantities and limits of counters. `default_limit` is set on counters
    that have no limit when something is reserved."""

    default_limit: int | None = None
    reserved: Counter[str] = field(default_factory=Counter)
    limits: dict[str, int | None] = field(default_factory=dict)

    def add(self, before: Document | None, after: Document | None) -> None:
        """Adds the difference between the `_counted` of two successive states of a document."""
        old, new = before or _EMPTY_STATE, after or _EMPTY_STATE
        self.reserved.update(dict(new["holds"]))
        self.reserved.subtract(dict(old["holds"]))
        removed = {key: None for key, _ in old["ceilings"]}
        self.limits.update({**removed, **dict(new["ceilings"])})

    def increases(self) -> Mapping[str, int]:
        """The additional quantities to reserve, by key."""
        return {key: delta for key, delta in self.reserved.items() if delta > 0}

    def limit_after(self, key: str, stored: int | None = None) -> int | None:
        """The limit of a counter after these changes, given its stored limit."""
        limit = self.limits.get(key, stored)
        return self.default_limit if limit is None and self.reserved[key] > 0 else limit


def counter_keys(state: Document | None) -> Collection[str]:
    """The keys of the counters that writing the state may change."""
    return [key for pairs in (state or {}).values() for key, _ in pairs]


def counted_state(document: Document | None) -> Document | None:
    """The part of a stored document that is included in the counters."""
    return None if document is None or UNCOUNTED in document else document.get("_counted")


def counter_state(kind: Kind[R], record: R) -> Document | None:
    """The reservations and limits of a record in a canonical form; None if there are none."""
    reserved, limited = kind.reservations(record).items(), kind.limits(record).items()
    reservations = sorted((key, quantity) for key, quantity in reserved if quantity)
    limits = sorted((key, limit) for key, limit in limited if limit is not None)
    if not reservations and not limits:
        return None
    return {"holds": [*map(list, reservations)], "ceilings": [*map(list, limits)]}


def reserving(key: str) -> Document:
    """Matches documents that have a reservation for the key."""
    return {_HOLDS: {"$elemMatch": {"$elemMatch": {"$eq": key}}}}


def reserving_bounds(key: str) -> Mapping[str, Any]:
    """The index bounds of the documents that `reserving` matches. Index entries are pairs of key
    and quantity; the planner derives no bounds from conditions on array elements."""
    return {"hint": "holds", "min": {_HOLDS: [key]}, "max": {_HOLDS: [key, MaxKey()]}}


class Counters:
    """The counters of one database, shared by all kinds in it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        database.declare(CollectionSpec(_COUNTERS))

    def apply(
        self, deltas: CounterDeltas, session: ClientSession | None, *, enforce_limits: bool
    ) -> None:
        """Updates the counters within a transaction. Raises CounterShortfall if limits are enforced
        and a counter is missing or may be exhausted."""
        updates = _enforced_updates if enforce_limits else _unconditional_updates
        changes = [
            update
            for key in sorted({*deltas.reserved, *deltas.limits})
            for update in (*_limit_updates(key, deltas), *updates(key, deltas))
        ]
        if not changes:
            return
        result = self._database.collection(_COUNTERS).bulk_write(changes, session=session)
        if enforce_limits and result.matched_count + result.upserted_count < len(changes):
            raise CounterShortfall(deltas)

    def create_missing(self, deltas: CounterDeltas) -> None:
        """Call this after CounterShortfall. Creates missing counters, or raises Exhausted if there
        is too little left of one."""
        increases = deltas.increases()
        usages = self.usage(increases)
        for key, delta in sorted(increases.items()):
            limit = deltas.limit_after(key, usages[key].limit)
            if limit is not None and usages[key].reserved + delta > limit:
                raise Exhausted(key)
        default = deltas.default_limit
        changes = [_ensure_counter(key, default) for key in increases]
        if default is not None:
            changes += [_ensure_limit(key, default) for key in increases]
        with self._database.writing():
            self._database.collection(_COUNTERS).bulk_write(changes)

    def count_uncounted(self) -> None:
        """Adds documents that were written without updating the counters."""
        for spec in self._database.collections_with_reservations:
            documents = self._database.collection(spec.collection)
            with self._database.reading():
                first = documents.find_one({UNCOUNTED: True}, {"_id": 1})
            if first is not None:
                while self._database.transact(partial(self._count_chunk, spec)) == _CHUNK_SIZE:
                    pass

    def _count_chunk(self, spec: CollectionSpec, session: ClientSession | None) -> int:
        collection = self._database.collection(spec.collection)
        documents = list(
            collection.find({UNCOUNTED: True}, {"_counted": 1}, limit=_CHUNK_SIZE, session=session)
        )
        deltas = CounterDeltas(spec.default_limit)
        for document in documents:
            deltas.add(None, document["_counted"])
        ids = {"_id": {"$in": [document["_id"] for document in documents]}}
        collection.update_many(ids, {"$unset": {UNCOUNTED: ""}}, session=session)
        self.apply(deltas, session, enforce_limits=False)
        return len(documents)

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        self.count_uncounted()
        with self._database.reading():
            counters = list(self._database.collection(_COUNTERS).find({"_id": {"$in": list(keys)}}))
        usages = {
            counter["_id"]: Usage(counter["held"], counter.get("ceiling")) for counter in counters
        }
        return {key: usages.get(key, Usage(0, None)) for key in keys}


def _limit_updates(key: str, deltas: CounterDeltas) -> Iterable[UpdateOne]:
    """Limits are updated first: a new limit already applies to reservations of the same record."""
    if key in deltas.limits:
        change = {"$set": {"ceiling": deltas.limit_after(key)}, "$setOnInsert": {"held": 0}}
        yield UpdateOne({"_id": key}, change, upsert=True)


def _enforced_updates(key: str, deltas: CounterDeltas) -> Iterable[UpdateOne]:
    """Updates that each match or upsert their counter. One that matches none means that the counter
    is missing or has too little left."""
    delta, default = deltas.reserved[key], deltas.default_limit
    if delta <= 0:
        yield from _unconditional_updates(key, deltas)
        return
    if default is not None:
        yield _ensure_counter(key, default)
    has_enough = _within_limit(delta, may_lack_limit=default is None)
    yield UpdateOne({"_id": key, **has_enough}, {"$inc": {"held": delta}})


def _unconditional_updates(key: str, deltas: CounterDeltas) -> Iterable[UpdateOne]:
    delta, default = deltas.reserved[key], deltas.default_limit
    if delta:
        yield UpdateOne({"_id": key}, {"$inc": {"held": delta}}, upsert=True)
    if delta > 0 and default is not None:
        yield _ensure_limit(key, default)


def _within_limit(delta: int, *, may_lack_limit: bool) -> dict[str, Any]:
    enough = {"$expr": {"$lte": [{"$add": ["$held", delta]}, "$ceiling"]}}
    if may_lack_limit:
        return {"$or": [{"ceiling": None}, enough]}
    return {"ceiling": {"$ne": None}, **enough}


def _ensure_counter(key: str, limit: int | None) -> UpdateOne:
    new = {"held": 0} if limit is None else {"held": 0, "ceiling": limit}
    return UpdateOne({"_id": key}, {"$setOnInsert": new}, upsert=True)


def _ensure_limit(key: str, limit: int) -> UpdateOne:
    return UpdateOne({"_id": key, "ceiling": None}, {"$set": {"ceiling": limit}})
