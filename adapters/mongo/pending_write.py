"""A state on its way into a collection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from adapters.mongo.client import Document
from adapters.mongo.counters import UNCOUNTED
from dinerapp.replication.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWrite:
    """A document, and over which stored states it may go.

    `limited`: no ceiling may be passed. `counting`: it goes in together with the counters, in a
    transaction. `untold`: it is a record's first state and goes in alone; the counters are told of
    it later. `displacing`: the ids of records that lose their unique values to it.
    """

    document: Document
    precondition: Document
    upsert: bool = True
    enforce_limits: bool = False
    in_transaction: bool = False
    uncounted: bool = False
    displaced_ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        record_id: str = self.document["_id"]
        return record_id

    @property
    def counter_state(self) -> Document | None:
        return self.document.get("_counted")

    @property
    def only_reserves(self) -> bool:
        """Whether it takes from counted things, and limits none."""
        return self.counter_state is not None and not self.counter_state["ceilings"]

    @property
    def stored_document(self) -> Document:
        """What is stored."""
        return {**self.document, UNCOUNTED: True} if self.uncounted else self.document

    @property
    def upserts_without_counters(self) -> bool:
        """Whether it goes in without the counters where there is nothing yet."""
        return self.upsert and (self.counter_state is None or self.uncounted)

    @property
    def is_first(self) -> bool:
        """Whether no earlier state of the record can exist."""
        return bool(self.document["_revision"] == 1)

    @property
    def in_flight_targets(self) -> list[str]:
        """The places to which its debts are not missed."""
        owed = self.document.get("_owed", {})
        return [place for place, debt in owed.items() if not debt["missed"]]

    @property
    def filter(self) -> Document:
        """Matches the state it may go over, if nobody misses that who would not miss this one."""
        unmissed = {f"_owed.{place}.missed": {"$ne": True} for place in self.in_flight_targets}
        return {"_id": self.id, **self.precondition, **unmissed}

    def with_undelivered(self, targets: Collection[str]) -> PendingWrite:
        """It, missed by those who missed the state before."""
        owed = {
            place: {**debt, "missed": debt["missed"] or place in targets}
            for place, debt in self.document.get("_owed", {}).items()
        }
        return replace(self, document={**self.document, "_owed": owed}) if owed else self

    @property
    def same_reservations_filter(self) -> Document:
        """Matches the state it may go over, if that holds the same of counted things and the
        counters know it."""
        if self.uncounted:
            return {"_id": self.id, "_revision": 0}
        if self.counter_state is None:
            return {**self.filter, "_counted": {"$exists": False}}
        return {
            **self.filter,
            "_counted": {"$eq": self.counter_state},
            UNCOUNTED: {"$exists": False},
        }

    def is_newer_than(self, stored: Document | None) -> bool:
        """Whether it is newer than a stored document."""
        if stored is None:
            return True
        mine, other = Version(**self.document["version"]), Version(**stored["version"])
        return mine != other and mine.dominates(other)

    def unique_value(self, path: str) -> Any:
        """What it has at a path like `_unique.slug`."""
        return self.document["_unique"][path.partition(".")[2]]

    def with_duplicate_resolved(self, holder_id: str) -> PendingWrite:
        """Of it and a record with the same unique value the higher id goes without."""
        if self.id < holder_id:
            displacing = (*self.displaced_ids, holder_id)
            return replace(self, displaced_ids=displacing, in_transaction=True, uncounted=False)
        bare = {name: value for name, value in self.document.items() if name != "_unique"}
        return replace(self, document=bare, displaced_ids=())
