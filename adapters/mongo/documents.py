"""Records as documents and back, and filters by version.

A document is the record as `codec.dump` gives it. Field names that begin with an underscore belong
to the store and are no part of the record.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from adapters.mongo.client import Document
from adapters.mongo.counters import counted
from dinerapp.replication import codec
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.replica import Owing
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place, Version

R = TypeVar("R", bound=Record)

_COUNTERS = {place: f"version.{place.value}" for place in Place}


def to_document(kind: Kind[R], record: R, owing: Collection[Owing]) -> Document:
    """The record with all that the store notes beside it."""
    document = codec.dump(record)
    document["_id"] = document.pop("id")
    document["_revision"] = record.version.revision
    document["_digest"] = codec.digest(record)
    document["_bucket"] = codec.bucket(record.id)
    noted = {
        "_owed": {owed.to.value: _debt(record, owed) for owed in owing},
        "_unique": _unique(kind, document),
        "_counted": counted(kind, record),
    }
    document.update({name: value for name, value in noted.items() if value})
    return document


def from_document(kind: Kind[R], document: Document) -> R:
    """The record in a document."""
    document["id"] = document.pop("_id")
    return codec.load(kind.record, document)


def version_of(document: Document) -> Version:
    """The version of a document, of which no more needs to be there."""
    return Version(**document["version"])


def covered_by(version: Version) -> Document:
    """Matches states that contain no write the version does not count."""
    return {path: {"$lte": version.at(place)} for place, path in _COUNTERS.items()}


def older_than(version: Version) -> Document:
    """Matches states that the version follows."""
    return {**covered_by(version), "_revision": {"$lt": version.revision}}


def exactly(version: Version) -> Document:
    """Matches states at the version."""
    return {path: version.at(place) for place, path in _COUNTERS.items()}


def _unique(kind: Kind[R], document: Document) -> dict[str, Any]:
    if document["deleted"]:
        return {}
    return {name: document[name] for name in kind.unique if document[name] is not None}


def _debt(record: Record, owed: Owing) -> Document:
    return {"due": owed.due, "since": record.updated_at, "missed": owed.missed, "tries": 0}
