"""Converts records to documents and back, and builds filters by version.

A document is the result of `codec.dump`. Fields whose names begin with an underscore belong to the
store and are not part of the record.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from adapters.mongo.client import Document
from adapters.mongo.counters import counter_state
from dinerapp.replication import codec
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId, Version

R = TypeVar("R", bound=Record)

_VERSION_PATHS = {store_id: f"version.{store_id.value}" for store_id in StoreId}


def to_document(kind: Kind[R], record: R, entries: Collection[OutboxEntry]) -> Document:
    """The document of a record, with the fields of the store: outbox entries, unique values and
    counter state."""
    document = codec.dump(record)
    document["_id"] = document.pop("id")
    document["_revision"] = record.version.revision
    document["_digest"] = codec.digest(record)
    document["_bucket"] = codec.bucket(record.id)
    optional = {
        "_owed": {entry.target.value: _outbox_entry(record, entry) for entry in entries},
        "_unique": _unique_values(kind, document),
        "_counted": counter_state(kind, record),
    }
    document.update({name: value for name, value in optional.items() if value})
    return document


def from_document(kind: Kind[R], document: Document) -> R:
    """The record in a document, which is modified."""
    document["id"] = document.pop("_id")
    return codec.load(kind.record_type, document)


def version_of(document: Document) -> Version:
    """The version of a document. No other field needs to be loaded."""
    return Version(**document["version"])


def dominated_by(version: Version) -> Document:
    """Matches states whose version is dominated by this one, or equal to it."""
    return {
        path: {"$lte": version.counter_of(store_id)} for store_id, path in _VERSION_PATHS.items()
    }


def older_than(version: Version) -> Document:
    """Matches states whose version is dominated by this one, and not equal."""
    return {**dominated_by(version), "_revision": {"$lt": version.revision}}


def at_version(version: Version) -> Document:
    """Matches states at exactly this version."""
    return {path: version.counter_of(store_id) for store_id, path in _VERSION_PATHS.items()}


def _unique_values(kind: Kind[R], document: Document) -> dict[str, Any]:
    if document["deleted"]:
        return {}
    return {name: document[name] for name in kind.unique_fields if document[name] is not None}


def _outbox_entry(record: Record, entry: OutboxEntry) -> Document:
    return {"due": entry.due, "since": record.updated_at, "missed": entry.undelivered, "tries": 0}
