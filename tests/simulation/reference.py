"""The reference store: the contract of `Store` in the fewest words, over a dict.

It passes the contract suites like every adapter, so the simulation that runs on it says
something about the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from dinerapp.replication import codec
from dinerapp.replication.errors import DuplicateKey, Exhausted
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.database import Database, Ping, PoolUsage, SuspicionLease
from dinerapp.replication.ports.documents import DocumentQuery, Documents
from dinerapp.replication.ports.replica import (
    ApplyOutcome,
    ApplyResult,
    Backlog,
    ClaimedEntry,
    DeadLetter,
    Fingerprint,
    OutboxEntry,
    Target,
)
from dinerapp.replication.ports.repository import ReadVersion, Repository, Usage
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId, Version

R = TypeVar("R", bound=Record)


@dataclass
class OutboxState:
    due: datetime
    since: datetime
    undelivered: bool
    tries: int = 0
    reason: str = ""
    is_dead_letter: bool = False


@dataclass
class StoredRow(Generic[R]):
    record: R
    outbox: dict[Target, OutboxState] = field(default_factory=dict)
    unique: dict[str, object] = field(default_factory=dict)


@dataclass
class ReferenceDatabase(Database):
    """What a server keeps beside records."""

    store_id: StoreId
    reserved: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int | None] = field(default_factory=dict)
    leases: dict[tuple[StoreId, str], SuspicionLease] = field(default_factory=dict)
    joined: bool = False
    stores: dict[str, ReferenceStore[Any]] = field(default_factory=dict, repr=False)

    def open(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    def prepare(self) -> None: ...

    def ping(self) -> Ping:
        return Ping(0.0, "reference")

    def pool_usage(self) -> PoolUsage:
        return PoolUsage()

    def has_full_copy(self) -> bool:
        return self.joined

    def mark_full_copy(self) -> None:
        self.joined = True

    def publish_suspicion(self, lease: SuspicionLease) -> None:
        self.leases[lease.store_id, lease.process] = lease

    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        key = lease.store_id, lease.process
        if key in self.leases and self.leases[key].until <= lease.until:
            del self.leases[key]

    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        return [word for word in self.leases.values() if word.until > now]


class ReferenceStore(Store[R]):
    """One kind of record over a dict."""

    def __init__(self, database: ReferenceDatabase, kind: Kind[R]) -> None:
        self.database = database
        self.store_id = database.store_id
        self.kind = kind  # type: ignore[misc]
        self.rows: dict[str, StoredRow[R]] = {}
        database.stores[kind.name] = self

    def accept(
        self,
        record: R,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> R:
        row = self.rows.get(record.id)
        if row is not None and (
            row.record.deleted or not record.version.dominates(row.record.version)
        ):
            raise self.rejection(record, row.record)
        if any(self._has_moved_on(seen) for seen in read_set):
            raise self.rejection(record, None, read_set)
        self._check_unique(record)
        self._check_limits(record)
        accepted = record.as_accepted_by(self.store_id)
        self._put(accepted, entries, self._unique(accepted))
        return accepted

    def _has_moved_on(self, seen: ReadVersion) -> bool:
        row = self.database.stores[seen.kind].rows.get(seen.record_id)
        return row is not None and not seen.version.dominates(row.record.version)

    def deliver(
        self, records: Sequence[R], entries: Collection[OutboxEntry] = ()
    ) -> Sequence[ApplyResult[R]]:
        return [self._deliver(record, entries) for record in records]

    def _deliver(self, record: R, outbox_entries: Collection[OutboxEntry]) -> ApplyResult[R]:
        row = self.rows.get(record.id)
        if row is not None and (
            row.record.version == record.version or not record.version.dominates(row.record.version)
        ):
            return self.skip_result(record, row.record)
        displaced = self._displace(record)
        unique = {} if displaced == record.id else self._unique(record)
        self._put(record, outbox_entries, unique)
        return ApplyResult(ApplyOutcome.STORED, displaced_id=displaced)

    def replace(self, stored: R, merged: R, entries: Collection[OutboxEntry] = ()) -> bool:
        row = self.rows.get(stored.id)
        if row is None or row.record != stored:
            return False
        unique = {} if self._displace(merged) == merged.id else self._unique(merged)
        self._put(merged, entries, unique)
        return True

    def rehash(self, record_ids: Collection[str]) -> int:
        """No digests are kept here."""
        return 0

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        return {key: self.rows[key].record for key in record_ids if key in self.rows}

    def scan(self, after_id: str | None, limit: int) -> Sequence[R]:
        ids = sorted(key for key in self.rows if after_id is None or key > after_id)
        return [self.rows[key].record for key in ids[:limit]]

    def claim(
        self, target: Target, limit: int, now: datetime, lease_until: datetime
    ) -> Sequence[ClaimedEntry[R]]:
        due = [
            (row.outbox[target].due, key)
            for key, row in self.rows.items()
            if target in row.outbox
            and row.outbox[target].due <= now
            and not row.outbox[target].is_dead_letter
        ]
        claimed = [self.rows[key] for _, key in sorted(due)[:limit]]
        for row in claimed:
            row.outbox[target].due = lease_until
        return [ClaimedEntry(row.record, row.outbox[target].tries) for row in claimed]

    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Collection[str]:
        return [
            each for each in kinds if self._has_entry(each, target, lambda entry: entry.due <= now)
        ]

    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Collection[str]:
        return [
            each for each in kinds if self._has_entry(each, target, lambda entry: entry.undelivered)
        ]

    def _has_entry(self, kind: str, to: Target, wanted: Callable[[OutboxState], bool]) -> bool:
        rows = self.database.stores[kind].rows.values()
        entries = [row.outbox[to] for row in rows if to in row.outbox]
        return any(wanted(entry) for entry in entries if not entry.is_dead_letter)

    def acknowledge(self, target: Target, shipped: Collection[tuple[str, Version]]) -> None:
        for record_id, version in shipped:
            row = self.rows.get(record_id)
            if row is not None and row.record.version == version:
                row.outbox.pop(target, None)

    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        for record_id in record_ids:
            row = self.rows.get(record_id)
            if row is not None and target in row.outbox:
                row.outbox[target].undelivered, row.outbox[target].due = True, now

    def reschedule(
        self,
        target: Target,
        shipped: tuple[str, Version],
        reason: str,
        due: datetime,
        *,
        give_up: bool,
    ) -> None:
        record_id, version = shipped
        row = self.rows.get(record_id)
        if row is not None and target in row.outbox and row.record.version == version:
            entry = row.outbox[target]
            entry.tries += 1
            entry.reason, entry.due, entry.is_dead_letter, entry.undelivered = (
                reason,
                due,
                give_up,
                False,
            )

    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        entries = [
            r.outbox[target]
            for r in self.rows.values()
            if target in r.outbox and r.outbox[target].is_dead_letter
        ]
        for entry in entries:
            entry.is_dead_letter, entry.due, entry.tries = False, now, 0
        return len(entries)

    def dead_letters(self, target: Target, limit: int) -> Sequence[DeadLetter]:
        found = [
            DeadLetter(self.kind.name, key, entry.tries, entry.reason, entry.since)
            for key, row in self.rows.items()
            if (entry := row.outbox.get(target)) is not None and entry.is_dead_letter
        ]
        return sorted(found, key=lambda p: (p.since, p.record_id))[:limit]

    def backlog(self, target: Target) -> Backlog:
        entries = [row.outbox[target] for row in self.rows.values() if target in row.outbox]
        waiting = [entry for entry in entries if not entry.is_dead_letter]
        missed = sum(entry.undelivered for entry in waiting)
        return Backlog(len(waiting), missed, len(entries) - len(waiting))

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        found: dict[int, Fingerprint] = {}
        for key, row in self.rows.items():
            old = found.get(codec.bucket(key), Fingerprint(0, 0))
            found[codec.bucket(key)] = Fingerprint(
                old.count + 1, old.digest + codec.digest(row.record)
            )
        return found

    def bucket_digests(self, number: int) -> Mapping[str, int]:
        return {
            key: codec.digest(row.record)
            for key, row in self.rows.items()
            if codec.bucket(key) == number
        }

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        held, ceilings = self.database.reserved, self.database.limits
        return {key: Usage(held.get(key, 0), ceilings.get(key)) for key in keys}

    def holders(self, key: str, limit: int) -> Sequence[R]:
        living = (row.record for row in self.rows.values() if not row.record.deleted)
        found = [record for record in living if self.kind.reservations(record).get(key)]
        return sorted(found, key=lambda record: (record.created_at, record.id))[:limit]

    def _put(
        self, record: R, outbox_entries: Collection[OutboxEntry], unique: dict[str, object]
    ) -> None:
        deltas = self._deltas(record)
        for key, delta in deltas.items():
            self.database.reserved[key] = self.database.reserved.get(key, 0) + delta
        self.database.limits.update(self._limits_after(record, deltas))
        missed = self._undelivered_before(record.id)
        entries = {
            o.target: OutboxState(o.due, record.updated_at, o.undelivered or o.target in missed)
            for o in outbox_entries
        }
        self.rows[record.id] = StoredRow(record, entries, unique)

    def _undelivered_before(self, record_id: str) -> set[Target]:
        """Whoever missed an earlier state has missed it until it has received a later one."""
        row = self.rows.get(record_id)
        return {place for place, entry in row.outbox.items() if entry.undelivered} if row else set()

    def _deltas(self, record: R) -> Mapping[str, int]:
        row = self.rows.get(record.id)
        before = self.kind.reservations(row.record) if row else {}
        after = self.kind.reservations(record)
        keys = {*before, *after}
        return {key: after.get(key, 0) - before.get(key, 0) for key in keys}

    def _check_limits(self, record: R) -> None:
        deltas = self._deltas(record)
        limits = self._limits_after(record, deltas)
        for key, delta in sorted(deltas.items()):
            count = self.usage([key])[key]
            limit = limits.get(key, count.limit)
            if delta > 0 and limit is not None and count.reserved + delta > limit:
                raise Exhausted(key)

    def _limits_after(self, record: R, deltas: Mapping[str, int]) -> dict[str, int | None]:
        """The limits that the record says, and those that come with what it takes."""
        limits = dict(self.kind.limits(record))
        taken = [key for key, delta in deltas.items() if delta > 0]
        for key in taken if self.kind.default_limit is not None else ():
            if limits.get(key, self.database.limits.get(key)) is None:
                limits[key] = self.kind.default_limit
        return limits

    def _unique(self, record: R) -> dict[str, object]:
        if record.deleted:
            return {}
        values = {name: getattr(record, name) for name in self.kind.unique_fields}
        return {name: value for name, value in values.items() if value is not None}

    def _find_by_email(self, record: R, name: str, value: object) -> StoredRow[R] | None:
        for row in self.rows.values():
            if row.record.id != record.id and row.unique.get(name) == value:
                return row
        return None

    def _check_unique(self, record: R) -> None:
        for name, value in self._unique(record).items():
            if self._find_by_email(record, name, value) is not None:
                raise DuplicateKey(name)

    def _displace(self, record: R) -> str | None:
        for name, value in self._unique(record).items():
            holder = self._find_by_email(record, name, value)
            if holder is not None and holder.record.id < record.id:
                return record.id
            if holder is not None:
                holder.unique = {}
                return holder.record.id
        return None


class ReferenceDocuments(ReferenceStore[R], Documents[R]):
    """The same, and what the ports of documents ask."""

    def _find_documents(self, query: DocumentQuery) -> list[R]:
        def place(record: R) -> tuple[Any, str]:
            return getattr(record, query.order_by), record.id

        found = [row.record for row in self.rows.values() if self._is_wanted(row, query)]
        found.sort(key=place, reverse=query.newest_first)
        if query.after is not None:
            after = query.after.created_at, query.after.id
            found = [
                record
                for record in found
                if (place(record) < after if query.newest_first else place(record) > after)
            ]
        return found[: query.limit]

    def _is_wanted(self, row: StoredRow[R], query: DocumentQuery) -> bool:
        ordered = getattr(row.record, query.order_by)
        held = {name: getattr(row.record, name) for name in query.equal} | {
            name: row.unique.get(name) for name in self.kind.unique_fields if name in query.equal
        }
        return (
            not row.record.deleted
            and held == query.equal
            and ordered is not None
            and (query.begin is None or ordered >= query.begin)
            and (query.end is None or ordered < query.end)
        )


def reference_store(database: ReferenceDatabase, port: type[Repository[Any]]) -> Any:
    """The reference of a port; its own questions it answers if they are put to documents."""
    if not issubclass(port, Documents):
        return ReferenceStore(database, port.kind)
    made = type(f"Reference{port.__name__}", (ReferenceDocuments, port), {})
    return made(database, port.kind)
