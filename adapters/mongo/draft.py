"""A state on its way into a collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.mongo.database import Document
from dinerapp.domain.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A document, and over which stored states it may go.

    `limited`: no ceiling may be passed. `counting`: it goes in together with the counters, in a
    transaction. `displacing`: the id of a record that loses its unique values to it.
    """

    document: Document
    over: Document
    upsert: bool = True
    limited: bool = False
    counting: bool = False
    displacing: str | None = None

    @property
    def id(self) -> str:
        record_id: str = self.document["_id"]
        return record_id

    @property
    def counted(self) -> Document | None:
        return self.document.get("_counted")

    @property
    def is_first(self) -> bool:
        """Whether no earlier state of the record can exist."""
        return bool(self.document["_revision"] == 1)

    @property
    def place(self) -> Document:
        """Matches the state it may go over."""
        return {"_id": self.id, **self.over}

    @property
    def place_of_its_like(self) -> Document:
        """Matches the state it may go over, if that holds the same of counted things."""
        same = {"$exists": False} if self.counted is None else {"$eq": self.counted}
        return {**self.place, "_counted": same}

    def follows(self, stored: Document | None) -> bool:
        """Whether it is newer than a stored document."""
        if stored is None:
            return True
        mine, other = Version(**self.document["version"]), Version(**stored["version"])
        return mine != other and mine.covers(other)

    def unique_value(self, path: str) -> Any:
        """What it has at a path like `_unique.slug`."""
        return self.document["_unique"][path.partition(".")[2]]

    def without_unique(self) -> Document:
        """The document of a record that lost its unique values."""
        return {name: value for name, value in self.document.items() if name != "_unique"}
