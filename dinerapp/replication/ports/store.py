"""What every store adapter is: a repository and a replica of one kind, in one database.

Adapters implement Replica and the questions of their port; what a use case may do with a record
follows from these here, so that it is the same in every store.
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
    Outdated,
    Rejection,
    Replayed,
    StaleVersion,
)
from dinerapp.replication.ports.replica import Delivery, Replica, Taken
from dinerapp.replication.ports.repository import Repository, Seen
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)


def admissible(record: R, read: Callable[[str], R]) -> R:
    """The record as any store may be asked to accept it.

    What the caller read may already contain the operation; then `read` says how it stands now.
    """
    if record.has_done(record.op_id):
        raise Replayed(read(record.id))
    if record.has_seen_key_of(record.op_id):
        raise KeyReused(read(record.id))
    return codec.canonical(record)


def living(kind: str, record_id: str, found: Mapping[str, R]) -> R:
    """The record if it is there and not deleted."""
    record = found.get(record_id)
    if record is None or record.deleted:
        raise NotFound(kind, record_id, gone=record)
    return record


class Store(Repository[R], Replica[R]):
    """One kind of record in one database."""

    def get(self, record_id: str) -> R:
        return living(self.kind.name, record_id, self.load([record_id]))

    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        return {key: record for key, record in self.load(record_ids).items() if not record.deleted}

    def save(self, record: R, basis: Collection[Seen] = ()) -> R:
        return self.accept(admissible(record, self.get), (), basis)

    def delete(self, record: R) -> R:
        return self.save(replace(record, deleted=True))

    def rejection(self, record: R, stored: R | None, basis: Collection[Seen] = ()) -> Rejection:
        """Why `accept` did not take the record over the state that is stored."""
        if stored is None or (not stored.deleted and record.version.covers(stored.version)):
            return Outdated(", ".join(sorted({seen.kind for seen in basis})))
        done = stored.has_done(record.op_id)
        if not done and stored.has_seen_key_of(record.op_id):
            return KeyReused(stored)
        if stored.deleted and not (done and record.deleted):
            return NotFound(self.kind.name, record.id, gone=stored)
        if done:
            return Replayed(stored)
        if record.version == Version():
            return AlreadyExists(stored)
        return StaleVersion(stored)

    def passed_over(self, record: R, stored: R) -> Delivery[R]:
        """The answer to a delivered state that does not simply follow the one that is stored."""
        if stored == record:
            return Delivery(Taken.HAD_IT)
        if stored.version.covers(record.version) and stored.version != record.version:
            return Delivery(Taken.HAD_IT)
        return Delivery(Taken.CONCURRENT, stored=stored)
