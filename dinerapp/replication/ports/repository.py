"""The base of every port: what use cases can do with any kind of record.

Contract suite: tests/contracts/repository/.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.routing import command, find_one, query
from dinerapp.replication.record import Record
from dinerapp.replication.version import Version

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list, newest first, after which a page begins. In lists that are in the order
    of another time than that of creation, `created_at` is that time."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True, order=True)
class ChangeCursor:
    """A position in the order of latest changes; ties are ordered by id."""

    updated_at: datetime
    id: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A page of a list, and the cursor of the next one, if there is one."""

    items: tuple[R, ...]
    next_cursor: Cursor | None = None

    @classmethod
    def from_records(cls, records: list[R], limit: int, *, by: str = "created_at") -> Page[R]:
        """The page from up to `limit + 1` records, of which the last one only shows that there is
        another page. `by` is the time they are ordered by."""
        items = tuple(records[:limit])
        if not items or len(records) <= limit:
            return cls(items)
        return cls(items, Cursor(getattr(items[-1], by), items[-1].id))


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A record of another kind, at the version on which a new state is based."""

    kind: str
    record_id: str
    version: Version


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a counted thing is reserved, and its limit, None for no limit."""

    reserved: int
    limit: int | None


class Repository(ABC, Generic[R]):
    """Records of one kind.

    Every method may raise StoreFailure when called on a store, and NoStoreAvailable when called on
    a composite that finds no reachable store.
    """

    kind: ClassVar[Kind]  # type: ignore[type-arg]

    @abstractmethod
    @find_one
    def get(self, record_id: str) -> R:
        """The record. Raises NotFound if there is none or it was deleted."""

    @abstractmethod
    @find_one
    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """Those of the records that exist and are not deleted, by id, in one round trip."""

    @abstractmethod
    @command
    def save(self, record: R, read_set: Collection[ReadVersion] = ()) -> R:
        """Saves the record and returns it at its new version.

        `read_set` is what the record is based on: it is saved only if the store that accepts it
        has no later state of any record in the set.

        `record.version` is the version the caller read, `Version()` for a new record. Values that
        the databases would store differently are made canonical, or refused with InvalidRecord,
        before any store is called.

        Raises, without any change:
        AlreadyExists: the record is new, and its id is taken.
        StaleVersion: the stored state contains writes that the caller has not read.
        NotFound: the record was deleted after the caller read it.
        Replayed: the operation `record.op_id` is already part of the stored record.
        KeyReused: an operation with the same idempotency key but another body is.
        DuplicateKey: another record that is not deleted has the same value in a unique field.
        Exhausted: the record reserves more of a counted thing than is left.
        StaleReadSet: a record in the read set has a later version.
        """

    @abstractmethod
    @command
    def delete(self, record: R) -> R:
        """Saves the record as a tombstone, which reads do not return and nothing can restore."""

    @abstractmethod
    @query
    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        """How much of these counted things is reserved by records of all kinds, in the store that
        is serving this kind; zero for unknown keys."""
