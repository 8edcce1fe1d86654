"""The base of every store adapter: a repository and a replica of one kind, in one database.

Adapters implement Replica and the queries of their port; the methods of Repository are derived
from those here, so that they are the same in every store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from dinerapp.replication import codec
from dinerapp.replication.errors import (
    AlreadyExists,
    KeyReused,
    NotFound,
    Rejection,
    Replayed,
    StaleReadSet,
    StaleVersion,
)
from dinerapp.replication.ports.replica import ApplyOutcome, ApplyResult, Replica
from dinerapp.replication.ports.repository import ReadVersion, Repository
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)


def admissible(record: R, load_stored: Callable[[str], R]) -> R:
    """The record in the form in which any store can accept it.

    What the caller read may already contain the operation; then `load_stored` reads the current
    state.
    """
    if record.has_applied(record.op_id):
        raise Replayed(load_stored(record.id))
    if record.has_applied_key_of(record.op_id):
        raise KeyReused(load_stored(record.id))
    return codec.canonical(record)


def require_existing(kind: str, record_id: str, records: Mapping[str, R]) -> R:
    """The record if it exists and is not deleted."""
    record = records.get(record_id)
    if record is None or record.deleted:
        raise NotFound(kind, record_id, tombstone=record)
    return record


class Store(Repository[R], Replica[R]):
    """One kind of record in one database."""

    def get(self, record_id: str) -> R:
        return require_existing(self.kind.name, record_id, self.load([record_id]))

    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        return {key: record for key, record in self.load(record_ids).items() if not record.deleted}

    def save(self, record: R, read_set: Collection[ReadVersion] = ()) -> R:
        return self.accept(admissible(record, self.get), (), read_set)

    def delete(self, record: R) -> R:
        return self.save(replace(record, deleted=True))

    def rejection(
        self, record: R, stored: R | None, read_set: Collection[ReadVersion] = ()
    ) -> Rejection:
        """Why `accept` did not replace the stored state with the record."""
        if stored is None or (not stored.deleted and record.version.dominates(stored.version)):
            return StaleReadSet(", ".join(sorted({read.kind for read in read_set})))
        is_applied = stored.has_applied(record.op_id)
        if not is_applied and stored.has_applied_key_of(record.op_id):
            return KeyReused(stored)
        if stored.deleted and not (is_applied and record.deleted):
            return NotFound(self.kind.name, record.id, tombstone=stored)
        if is_applied:
            return Replayed(stored)
        if record.version == Version():
            return AlreadyExists(stored)
        return StaleVersion(stored)

    def skip_result(self, record: R, stored: R) -> ApplyResult[R]:
        """The result for a delivered state that does not supersede the stored one."""
        if stored == record:
            return ApplyResult(ApplyOutcome.ALREADY_APPLIED)
        if stored.version.dominates(record.version) and stored.version != record.version:
            return ApplyResult(ApplyOutcome.ALREADY_APPLIED)
        return ApplyResult(ApplyOutcome.CONCURRENT, stored=stored)
