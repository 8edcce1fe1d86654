"""A write of one state to a collection, before it is executed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from adapters.mongo.client import Document
from adapters.mongo.counters import UNCOUNTED
from dinerapp.replication.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWrite:
    """A document, and the precondition that the stored state has to meet to be replaced by it.

    `enforce_limits`: the write fails if a limit would be exceeded. `in_transaction`: the counters
    are updated in the same transaction. `uncounted`: this is the first state of a record, and the
    counters are updated later. `displaced_ids`: records that lose their unique values to this one.
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
        """Whether the record has reservations, and sets no limits."""
        return self.counter_state is not None and not self.counter_state["ceilings"]

    @property
    def stored_document(self) -> Document:
        """The document as it is written."""
        return {**self.document, UNCOUNTED: True} if self.uncounted else self.document

    @property
    def upserts_without_counters(self) -> bool:
        """Whether a new document can be inserted without updating the counters."""
        return self.upsert and (self.counter_state is None or self.uncounted)

    @property
    def is_first(self) -> bool:
        """Whether no earlier state of the record can exist."""
        return bool(self.document["_revision"] == 1)

    @property
    def in_flight_targets(self) -> list[str]:
        """The targets that this write has an outbox entry for which is not undelivered."""
        entries = self.document.get("_owed", {})
        return [target for target, entry in entries.items() if not entry["missed"]]

    @property
    def filter(self) -> Document:
        """Matches the stored state if it meets the precondition and replacing it clears no
        undelivered mark."""
        not_undelivered = {
            f"_owed.{target}.missed": {"$ne": True} for target in self.in_flight_targets
        }
        return {"_id": self.id, **self.precondition, **not_undelivered}

    def with_undelivered(self, targets: Collection[str]) -> PendingWrite:
        """This write with the entries for these targets marked as undelivered."""
        entries = {
            target: {**entry, "missed": entry["missed"] or target in targets}
            for target, entry in self.document.get("_owed", {}).items()
        }
        return replace(self, document={**self.document, "_owed": entries}) if entries else self

    @property
    def same_reservations_filter(self) -> Document:
        """Like `filter`, but only if the stored state has the same counter state and is included in
        the counters: then they need no update."""
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
        """Whether the stored document is missing or older."""
        if stored is None:
            return True
        mine, other = Version(**self.document["version"]), Version(**stored["version"])
        return mine != other and mine.dominates(other)

    def unique_value(self, path: str) -> Any:
        """The value at a path like `_unique.slug`."""
        return self.document["_unique"][path.partition(".")[2]]

    def with_duplicate_resolved(self, holder_id: str) -> PendingWrite:
        """Resolves a duplicate unique value: the record with the lower id keeps it, the other one
        loses its unique values."""
        if self.id < holder_id:
            displaced_ids = (*self.displaced_ids, holder_id)
            return replace(self, displaced_ids=displaced_ids, in_transaction=True, uncounted=False)
        without_unique = {name: value for name, value in self.document.items() if name != "_unique"}
        return replace(self, document=without_unique, displaced_ids=())
