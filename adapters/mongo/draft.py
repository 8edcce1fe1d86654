"""A state on its way into a collection."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from adapters.mongo.client import Document
from adapters.mongo.counters import UNTOLD
from dinerapp.replication.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document, and over which stored states it may go.

    `limited`: no ceiling may be passed. `counting`: it goes in together with the counters, in a
    transaction. `untold`: it is a record's first state and goes in alone; the counters are told of
    it later. `displacing`: the ids of records that lose their unique values to it.
    """

    document: Document
    over: Document
    upsert: bool = True
    limited: bool = False
    counting: bool = False
    untold: bool = False
    displacing: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        record_id: str = self.document["_id"]
        return record_id

    @property
    def counted(self) -> Document | None:
        return self.document.get("_counted")

    @property
    def only_holds(self) -> bool:
        """Whether it takes from counted things, and limits none."""
        return self.counted is not None and not self.counted["ceilings"]

    @property
    def content(self) -> Document:
        """What is stored."""
        return {**self.document, UNTOLD: True} if self.untold else self.document

    @property
    def upserts_alone(self) -> bool:
        """Whether it goes in without the counters where there is nothing yet."""
        return self.upsert and (self.counted is None or self.untold)

    @property
    def is_first(self) -> bool:
        """Whether no earlier state of the record can exist."""
        return bool(self.document["_revision"] == 1)

    @property
    def pending(self) -> list[str]:
        """The places to which its debts are not missed."""
        owed = self.document.get("_owed", {})
        return [place for place, debt in owed.items() if not debt["missed"]]

    @property
    def place(self) -> Document:
        """Matches the state it may go over, if nobody misses that who would not miss this one."""
        unmissed = {f"_owed.{place}.missed": {"$ne": True} for place in self.pending}
        return {"_id": self.id, **self.over, **unmissed}

    def missed_by(self, places: Collection[str]) -> Draft:
        """It, missed by those who missed the state before."""
        owed = {
            place: {**debt, "missed": debt["missed"] or place in places}
            for place, debt in self.document.get("_owed", {}).items()
        }
        return replace(self, document={**self.document, "_owed": owed}) if owed else self

    @property
    def place_of_its_like(self) -> Document:
        """Matches the state it may go over, if that holds the same of counted things and the
        counters know it."""
        if self.untold:
            return {"_id": self.id, "_revision": 0}
        if self.counted is None:
            return {**self.place, "_counted": {"$exists": False}}
        return {**self.place, "_counted": {"$eq": self.counted}, UNTOLD: {"$exists": False}}

    def follows(self, stored: Document | None) -> bool:
        """Whether it is newer than a stored document."""
        if stored is None:
            return True
        mine, other = Version(**self.document["version"]), Version(**stored["version"])
        return mine != other and mine.covers(other)

    def unique_value(self, path: str) -> Any:
        """What it has at a path like `_unique.slug`."""
        return self.document["_unique"][path.partition(".")[2]]

    def contending_with(self, holder_id: str) -> Draft:
        """Of it and a record with the same unique value the higher id goes without."""
        if self.id < holder_id:
            displacing = (*self.displacing, holder_id)
            return replace(self, displacing=displacing, counting=True, untold=False)
        bare = {name: value for name, value in self.document.items() if name != "_unique"}
        return replace(self, document=bare, displacing=())
