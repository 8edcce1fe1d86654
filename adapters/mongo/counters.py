"""Counted things: how much of them records hold, and how much there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from pymongo import UpdateOne
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

UNCOUNTED = "_untold"
"""Marks documents whose `_counted` is not in the counters yet. Stored, so the name stays."""


class CounterShortfall(Exception):
    """Some counter was not there or had not enough left; the transaction must not commit."""

    def __init__(self, deltas: Mapping[str, int]) -> None:
        super().__init__(f"some of {', '.join(deltas)} are missing or too full")
        self.deltas = deltas


@dataclass(slots=True)
class CounterDeltas:
    """By how much what is held changes, and which limits change."""

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
        wanted = deltas.increases() if enforce_limits else {}
        changes = [*_reservation_updates(deltas, wanted), *_limit_updates(deltas)]
        if not changes:
            return
        counters = self._database.collection(_COUNTERS)
        result = counters.bulk_write(changes, ordered=False, session=session)
        if result.matched_count + result.upserted_count < len(changes):
            raise CounterShortfall(wanted)

    def create_missing(self, deltas: Mapping[str, int]) -> None:
        """After CounterShortfall: creates the counters that are missing; raises Exhausted when one
        is too full."""
        found = self.usage(deltas)
        for key, delta in sorted(deltas.items()):
            ceiling = found[key].limit
            if ceiling is not None and found[key].reserved + delta > ceiling:
                raise Exhausted(key)
        with self._database.writing():
            self._database.collection(_COUNTERS).bulk_write(
                [_ensure_counter(key) for key in deltas], ordered=False
            )

    def count_uncounted(self) -> None:
        """Tells the counters of all documents that went in without them."""
        for name in self._database.collections_with_reservations:
            with self._database.reading():
                first = self._database.collection(name).find_one({UNCOUNTED: True}, {"_id": 1})
            if first is not None:
                while self._database.transact(partial(self._count_chunk, name)) == _CHUNK_SIZE:
                    pass

    def _count_chunk(self, collection: str, session: ClientSession | None) -> int:
        documents, wanted = self._database.collection(collection), {UNCOUNTED: True}
        found = list(documents.find(wanted, {"_counted": 1}, limit=_CHUNK_SIZE, session=session))
        moves = CounterDeltas()
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


def _reservation_updates(
    deltas: CounterDeltas, increases: Mapping[str, int]
) -> Iterable[UpdateOne]:
    for key, delta in sorted(deltas.reserved.items()):
        limited = key in increases
        if delta:
            room = _within_limit(delta) if limited else {}
            yield UpdateOne({"_id": key, **room}, {"$inc": {"held": delta}}, upsert=not limited)


def _limit_updates(deltas: CounterDeltas) -> Iterable[UpdateOne]:
    for key, ceiling in sorted(deltas.limits.items()):
        change = {"$set": {"ceiling": ceiling}, "$setOnInsert": {"held": 0}}
        yield UpdateOne({"_id": key}, change, upsert=True)


def _within_limit(delta: int) -> dict[str, Any]:
    enough = {"$lte": [{"$add": ["$held", delta]}, "$ceiling"]}
    return {"$or": [{"ceiling": None}, {"$expr": enough}]}


def _ensure_counter(key: str) -> UpdateOne:
    return UpdateOne({"_id": key}, {"$setOnInsert": {"held": 0}}, upsert=True)
