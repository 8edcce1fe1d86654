"""Counted things: how much of them records hold, and how much there is."""

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
"""Marks documents whose `_counted` is not in the counters yet. Stored, so the name stays."""


class CounterShortfall(Exception):
    """Some counter was not there or had not enough left; the transaction must not commit."""

    def __init__(self, deltas: CounterDeltas) -> None:
        super().__init__(f"some of {', '.join(deltas.increases())} are missing or too full")
        self.deltas = deltas


@dataclass(slots=True)
class CounterDeltas:
    """By how much what is held changes, and which limits change. `default_limit` is the limit of
    things that are taken and have none."""

    default_limit: int | None = None
    reserved: Counter[str] = field(default_factory=Counter)
    limits: dict[str, int | None] = field(default_factory=dict)

    def add(self, before: Document | None, after: Document | None) -> None:
        """Counts the way from one document's `_counted` to the next one's."""
        old, new = before or _EMPTY_STATE, after or _EMPTY_STATE
        self.reserved.update(dict(new["holds"]))
        self.reserved.subtract(dict(old["holds"]))
        gone = {key: None for key, _ in old["ceilings"]}
        self.limits.update({**gone, **dict(new["ceilings"])})

    def increases(self) -> Mapping[str, int]:
        """What is held more than before, by key."""
        return {key: delta for key, delta in self.reserved.items() if delta > 0}

    def limit_after(self, key: str, stored: int | None = None) -> int | None:
        """The limit of a counter that has the stored one, once these changes are made."""
        limit = self.limits.get(key, stored)
        return self.default_limit if limit is None and self.reserved[key] > 0 else limit


def counter_keys(state: Document | None) -> Collection[str]:
    """The counters that a state's coming may move."""
    return [key for pairs in (state or {}).values() for key, _ in pairs]


def counted_state(document: Document | None) -> Document | None:
    """What the counters know of a stored document."""
    return None if document is None or UNCOUNTED in document else document.get("_counted")


def counter_state(kind: Kind[R], record: R) -> Document | None:
    """What the record says of counted things, in one canonical form; None for nothing."""
    reservations = sorted((key, held) for key, held in kind.reservations(record).items() if held)
    given = kind.limits(record).items()
    limits = sorted((key, limit) for key, limit in given if limit is not None)
    if not reservations and not limits:
        return None
    return {"holds": [*map(list, reservations)], "ceilings": [*map(list, limits)]}


def holding(key: str) -> Document:
    """Matches documents that hold something of a counted thing."""
    return {_HOLDS: {"$elemMatch": {"$elemMatch": {"$eq": key}}}}


def index_bounds(key: str) -> Mapping[str, Any]:
    """Where they are in the index, whose entries are pairs of key and quantity. Of conditions on
    pairs the planner makes no bounds by itself."""
    return {"hint": "holds", "min": {_HOLDS: [key]}, "max": {_HOLDS: [key, MaxKey()]}}


class Counters:
    """The counters of one database, shared by all kinds in it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        database.declare(CollectionSpec(_COUNTERS))

    def apply(
        self, deltas: CounterDeltas, session: ClientSession | None, *, enforce_limits: bool
    ) -> None:
        """Within a transaction. Raises CounterShortfall if limits are enforced and one may be
        in the way."""
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
        """After CounterShortfall: creates the counters that are missing; raises Exhausted when one
        is too full."""
        increases = deltas.increases()
        found = self.usage(increases)
        for key, delta in sorted(increases.items()):
            limit = deltas.limit_after(key, found[key].limit)
            if limit is not None and found[key].reserved + delta > limit:
                raise Exhausted(key)
        default = deltas.default_limit
        changes = [_ensure_counter(key, default) for key in increases]
        if default is not None:
            changes += [_ensure_limit(key, default) for key in increases]
        with self._database.writing():
            self._database.collection(_COUNTERS).bulk_write(changes)

    def count_uncounted(self) -> None:
        """Tells the counters of all documents that went in without them."""
        for spec in self._database.collections_with_reservations:
            documents = self._database.collection(spec.collection)
            with self._database.reading():
                first = documents.find_one({UNCOUNTED: True}, {"_id": 1})
            if first is not None:
                while self._database.transact(partial(self._count_chunk, spec)) == _CHUNK_SIZE:
                    pass

    def _count_chunk(self, spec: CollectionSpec, session: ClientSession | None) -> int:
        documents, wanted = self._database.collection(spec.collection), {UNCOUNTED: True}
        found = list(documents.find(wanted, {"_counted": 1}, limit=_CHUNK_SIZE, session=session))
        moves = CounterDeltas(spec.default_limit)
        for each in found:
            moves.add(None, each["_counted"])
        ids = {"_id": {"$in": [each["_id"] for each in found]}}
        documents.update_many(ids, {"$unset": {UNCOUNTED: ""}}, session=session)
        self.apply(moves, session, enforce_limits=False)
        return len(found)

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        self.count_uncounted()
        with self._database.reading():
            found = list(self._database.collection(_COUNTERS).find({"_id": {"$in": list(keys)}}))
        counts = {each["_id"]: Usage(each["held"], each.get("ceiling")) for each in found}
        return {key: counts.get(key, Usage(0, None)) for key in keys}


def _limit_updates(key: str, deltas: CounterDeltas) -> Iterable[UpdateOne]:
    """First of all: what a record says of a limit counts for what it takes."""
    if key in deltas.limits:
        change = {"$set": {"ceiling": deltas.limit_after(key)}, "$setOnInsert": {"held": 0}}
        yield UpdateOne({"_id": key}, change, upsert=True)


def _enforced_updates(key: str, deltas: CounterDeltas) -> Iterable[UpdateOne]:
    """Each of them finds its counter or makes it, unless that is missing or too full."""
    delta, default = deltas.reserved[key], deltas.default_limit
    if delta <= 0:
        yield from _unconditional_updates(key, deltas)
        return
    if default is not None:
        yield _ensure_counter(key, default)
    room = _within_limit(delta, may_lack_limit=default is None)
    yield UpdateOne({"_id": key, **room}, {"$inc": {"held": delta}})


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
