"""The base of every port: what use cases may do with any kind of record.

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
    """The place in a list, newest first, after which a page begins. In lists that are not in the
    order of creation `created_at` is the time that they are in the order of."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True, order=True)
class ChangeCursor:
    """A place in the order of latest changes; of two at one moment the lower id comes first."""

    updated_at: datetime
    id: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some records of a list and where the next page begins, if there is one."""

    items: tuple[R, ...]
    next_cursor: Cursor | None = None

    @classmethod
    def from_records(cls, records: list[R], limit: int, *, by: str = "created_at") -> Page[R]:
        """The page of `limit` records out of up to `limit + 1` that were found, in the order of a
        time."""
        items = tuple(records[:limit])
        if not items or len(records) <= limit:
            return cls(items)
        return cls(items, Cursor(getattr(items[-1], by), items[-1].id))


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A record of another kind, at the version from which a new state was made."""

    kind: str
    record_id: str
    version: Version


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a counted thing is held, and how much there is, None for no limit."""

    reserved: int
    limit: int | None


class Repository(ABC, Generic[R]):
    """Records of one kind.

    Every method may raise StoreFailure when a store is asked directly, and NoStoreAvailable when
    the composite found no store to ask.
    """

    kind: ClassVar[Kind]  # type: ignore[type-arg]

    @abstractmethod
    @find_one
    def get(self, record_id: str) -> R:
        """The record. Raises NotFound when there is none or it was deleted."""

    @abstractmethod
    @find_one
    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """Those of the records that exist and are not deleted, by id, in one round trip."""

    @abstractmethod
    @command
    def save(self, record: R, read_set: Collection[ReadVersion] = ()) -> R:
        """Keeps the record and returns it at its new version.

        `read_set` is what the record was made from: it is kept only if the store that accepts it
        holds no later state of any of that.

        `record.version` is the version the caller read, `Version()` for a new record. Everything
        both databases cannot hold alike is made canonical, or refused with InvalidRecord, before
        any store is asked.

        Raises, without any change:
        AlreadyExists: a new record, and its id is taken.
        StaleVersion: the stored state has writes the caller has not seen.
        NotFound: the caller's state was overtaken by a deletion.
        Replayed: the operation `record.op_id` is already part of the stored record.
        KeyReused: an operation with the same idempotency key but another body is.
        DuplicateKey: another living record has the same value in a unique field.
        Exhausted: the record holds more of a counted thing than is left.
        StaleReadSet: something in the read set has a later version.
        """

    @abstractmethod
    @command
    def delete(self, record: R) -> R:
        """Saves the record as a tombstone, which no reader sees and nothing brings back."""

    @abstractmethod
    @query
    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        """What records of all kinds hold of counted things, in the store that is serving this
        kind; zero for unknown keys."""
