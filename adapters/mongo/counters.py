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
from adapters.mongo.database import Layout, MongoDatabase
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.replica import Count
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

_COUNTERS = "counters"
_NOTHING: Document = {"holds": [], "ceilings": []}
_CHUNK = 500

UNTOLD = "_untold"
"""Marks documents whose `_counted` is not in the counters yet."""


class Short(Exception):
    """Some counter was not there or had not enough left; the transaction must not commit."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        super().__init__(f"some of {', '.join(wanted)} are missing or too full")
        self.wanted = wanted


@dataclass(slots=True)
class Moves:
    """By how much what is held changes, and which ceilings change."""

    held: Counter[str] = field(default_factory=Counter)
    ceilings: dict[str, int | None] = field(default_factory=dict)

    def add(self, before: Document | None, after: Document | None) -> None:
        """Counts the way from one document's `_counted` to the next one's."""
        old, new = before or _NOTHING, after or _NOTHING
        self.held.update(dict(new["holds"]))
        self.held.subtract(dict(old["holds"]))
        gone = {key: None for key, _ in old["ceilings"]}
        self.ceilings.update({**gone, **dict(new["ceilings"])})

    def taken(self) -> Mapping[str, int]:
        """What is held more than before, by key."""
        return {key: delta for key, delta in self.held.items() if delta > 0}


def crowded(counted: Document | None) -> Collection[str]:
    """The counters that a state's coming may move."""
    return [key for pairs in (counted or {}).values() for key, _ in pairs]


def told(document: Document | None) -> Document | None:
    """What the counters know of a stored document."""
    return None if document is None or UNTOLD in document else document.get("_counted")


def counted(kind: Kind[R], record: R) -> Document | None:
    """What the record says of counted things, in one canonical form; None for nothing."""
    holds = sorted((key, held) for key, held in kind.holds(record).items() if held)
    limits = kind.ceilings(record).items()
    ceilings = sorted((key, ceiling) for key, ceiling in limits if ceiling is not None)
    if not holds and not ceilings:
        return None
    return {"holds": [*map(list, holds)], "ceilings": [*map(list, ceilings)]}


class Counters:
    """The counters of one database, shared by all kinds in it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        database.declare(Layout(_COUNTERS))

    def move(self, moves: Moves, session: ClientSession | None, *, limited: bool) -> None:
        """Within a transaction. Raises Short when `limited` and a ceiling may be in the way."""
        wanted = moves.taken() if limited else {}
        changes = [*_shifts(moves, wanted), *_ceilings(moves)]
        if not changes:
            return
        counters = self._database.collection(_COUNTERS)
        result = counters.bulk_write(changes, ordered=False, session=session)
        if result.matched_count + result.upserted_count < len(changes):
            raise Short(wanted)

    def provide(self, wanted: Mapping[str, int]) -> None:
        """After Short: makes the counters that were not there; Exhausted when one is too full."""
        found = self.counts(wanted)
        for key, delta in sorted(wanted.items()):
            ceiling = found[key].ceiling
            if ceiling is not None and found[key].held + delta > ceiling:
                raise Exhausted(key)
        with self._database.writing():
            self._database.collection(_COUNTERS).bulk_write(
                [_present(key) for key in wanted], ordered=False
            )

    def catch_up(self) -> None:
        """Tells the counters of all documents that went in without them."""
        for name in self._database.counted_collections:
            with self._database.reading():
                first = self._database.collection(name).find_one({UNTOLD: True}, {"_id": 1})
            if first is not None:
                while self._database.transact(partial(self._tell, name)) == _CHUNK:
                    pass

    def _tell(self, name: str, session: ClientSession | None) -> int:
        documents, wanted = self._database.collection(name), {UNTOLD: True}
        found = list(documents.find(wanted, {"_counted": 1}, limit=_CHUNK, session=session))
        moves = Moves()
        for each in found:
            moves.add(None, each["_counted"])
        ids = {"_id": {"$in": [each["_id"] for each in found]}}
        documents.update_many(ids, {"$unset": {UNTOLD: ""}}, session=session)
        self.move(moves, session, limited=False)
        return len(found)

    def counts(self, keys: Collection[str]) -> Mapping[str, Count]:
        self.catch_up()
        with self._database.reading():
            found = list(self._database.collection(_COUNTERS).find({"_id": {"$in": list(keys)}}))
        counts = {each["_id"]: Count(each["held"], each.get("ceiling")) for each in found}
        return {key: counts.get(key, Count(0, None)) for key in keys}


def _shifts(moves: Moves, wanted: Mapping[str, int]) -> Iterable[UpdateOne]:
    for key, delta in sorted(moves.held.items()):
        limited = key in wanted
        if delta:
            room = _room(delta) if limited else {}
            yield UpdateOne({"_id": key, **room}, {"$inc": {"held": delta}}, upsert=not limited)


def _ceilings(moves: Moves) -> Iterable[UpdateOne]:
    for key, ceiling in sorted(moves.ceilings.items()):
        change = {"$set": {"ceiling": ceiling}, "$setOnInsert": {"held": 0}}
        yield UpdateOne({"_id": key}, change, upsert=True)


def _room(delta: int) -> dict[str, Any]:
    enough = {"$lte": [{"$add": ["$held", delta]}, "$ceiling"]}
    return {"$or": [{"ceiling": None}, {"$expr": enough}]}


def _present(key: str) -> UpdateOne:
    return UpdateOne({"_id": key}, {"$setOnInsert": {"held": 0}}, upsert=True)
