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
from dinerapp.replication.ports.database import Absence, Database, Ping, PoolUse
from dinerapp.replication.ports.replica import (
    Backlog,
    Count,
    Creditor,
    Delivery,
    Fingerprint,
    Owed,
    Owing,
    Parked,
    Taken,
)
from dinerapp.replication.ports.repository import Seen
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place, Version

R = TypeVar("R", bound=Record)


@dataclass
class Debt:
    due: datetime
    since: datetime
    missed: bool
    tries: int = 0
    reason: str = ""
    parked: bool = False


@dataclass
class Row(Generic[R]):
    record: R
    debts: dict[Creditor, Debt] = field(default_factory=dict)
    unique: dict[str, object] = field(default_factory=dict)


@dataclass
class ReferenceDatabase(Database):
    """What a server keeps beside records."""

    place: Place
    held: dict[str, int] = field(default_factory=dict)
    ceilings: dict[str, int | None] = field(default_factory=dict)
    words: dict[tuple[Place, str], Absence] = field(default_factory=dict)
    joined: bool = False
    stores: dict[str, ReferenceStore[Any]] = field(default_factory=dict, repr=False)

    def open(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...
    def prepare(self) -> None: ...

    def ping(self) -> Ping:
        return Ping(0.0, "reference")

    def pool(self) -> PoolUse:
        return PoolUse()

    def has_joined(self) -> bool:
        return self.joined

    def join(self) -> None:
        self.joined = True

    def report_absence(self, absence: Absence) -> None:
        self.words[absence.store, absence.process] = absence

    def withdraw_absence(self, absence: Absence) -> None:
        key = absence.store, absence.process
        if key in self.words and self.words[key].until <= absence.until:
            del self.words[key]

    def absences(self, now: datetime) -> Sequence[Absence]:
        return [word for word in self.words.values() if word.until > now]


class ReferenceStore(Store[R]):
    """One kind of record over a dict."""

    def __init__(self, database: ReferenceDatabase, kind: Kind[R]) -> None:
        self.database = database
        self.place = database.place
        self.kind = kind  # type: ignore[misc]
        self.rows: dict[str, Row[R]] = {}
        database.stores[kind.name] = self

    def accept(self, record: R, owing: Collection[Owing] = (), basis: Collection[Seen] = ()) -> R:
        row = self.rows.get(record.id)
        if row is not None and (
            row.record.deleted or not record.version.covers(row.record.version)
        ):
            raise self.rejection(record, row.record)
        if any(self._has_moved_on(seen) for seen in basis):
            raise self.rejection(record, None, basis)
        self._check_unique(record)
        self._check_ceilings(record)
        accepted = record.stamped(self.place)
        self._put(accepted, owing, self._unique(accepted))
        return accepted

    def _has_moved_on(self, seen: Seen) -> bool:
        row = self.database.stores[seen.kind].rows.get(seen.record_id)
        return row is not None and not seen.version.covers(row.record.version)

    def deliver(self, records: Sequence[R], owing: Collection[Owing] = ()) -> Sequence[Delivery[R]]:
        return [self._deliver(record, owing) for record in records]

    def _deliver(self, record: R, owing: Collection[Owing]) -> Delivery[R]:
        row = self.rows.get(record.id)
        if row is not None and (
            row.record.version == record.version or not record.version.covers(row.record.version)
        ):
            return self.passed_over(record, row.record)
        displaced = self._displace(record)
        unique = {} if displaced == record.id else self._unique(record)
        self._put(record, owing, unique)
        return Delivery(Taken.STORED, displaced=displaced)

    def replace(self, stored: R, merged: R, owing: Collection[Owing] = ()) -> bool:
        row = self.rows.get(stored.id)
        if row is None or row.record != stored:
            return False
        unique = {} if self._displace(merged) == merged.id else self._unique(merged)
        self._put(merged, owing, unique)
        return True

    def refresh(self, record_ids: Collection[str]) -> int:
        """No digests are kept here."""
        return 0

    def load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        return {key: self.rows[key].record for key in record_ids if key in self.rows}

    def scan(self, after: str | None, limit: int) -> Sequence[R]:
        ids = sorted(key for key in self.rows if after is None or key > after)
        return [self.rows[key].record for key in ids[:limit]]

    def claim(self, to: Creditor, limit: int, now: datetime, until: datetime) -> Sequence[Owed[R]]:
        due = [
            (row.debts[to].due, key)
            for key, row in self.rows.items()
            if to in row.debts and row.debts[to].due <= now and not row.debts[to].parked
        ]
        claimed = [self.rows[key] for _, key in sorted(due)[:limit]]
        for row in claimed:
            row.debts[to].due = until
        return [Owed(row.record, row.debts[to].tries) for row in claimed]

    def kinds_due(self, to: Creditor, kinds: Collection[str], now: datetime) -> Collection[str]:
        return [each for each in kinds if self._owes(each, to, lambda debt: debt.due <= now)]

    def kinds_missed(self, to: Creditor, kinds: Collection[str]) -> Collection[str]:
        return [each for each in kinds if self._owes(each, to, lambda debt: debt.missed)]

    def _owes(self, kind: str, to: Creditor, wanted: Callable[[Debt], bool]) -> bool:
        rows = self.database.stores[kind].rows.values()
        debts = [row.debts[to] for row in rows if to in row.debts]
        return any(wanted(debt) for debt in debts if not debt.parked)

    def settle(self, to: Creditor, shipped: Collection[tuple[str, Version]]) -> None:
        for record_id, version in shipped:
            row = self.rows.get(record_id)
            if row is not None and row.record.version == version:
                row.debts.pop(to, None)

    def miss(self, to: Creditor, record_ids: Collection[str], now: datetime) -> None:
        for record_id in record_ids:
            row = self.rows.get(record_id)
            if row is not None and to in row.debts:
                row.debts[to].missed, row.debts[to].due = True, now

    def postpone(
        self, to: Creditor, shipped: tuple[str, Version], reason: str, due: datetime, *, park: bool
    ) -> None:
        record_id, version = shipped
        row = self.rows.get(record_id)
        if row is not None and to in row.debts and row.record.version == version:
            debt = row.debts[to]
            debt.tries += 1
            debt.reason, debt.due, debt.parked, debt.missed = reason, due, park, False

    def retry_parked(self, to: Creditor, now: datetime) -> int:
        debts = [r.debts[to] for r in self.rows.values() if to in r.debts and r.debts[to].parked]
        for debt in debts:
            debt.parked, debt.due, debt.tries = False, now, 0
        return len(debts)

    def parked(self, to: Creditor, limit: int) -> Sequence[Parked]:
        found = [
            Parked(self.kind.name, key, debt.tries, debt.reason, debt.since)
            for key, row in self.rows.items()
            if (debt := row.debts.get(to)) is not None and debt.parked
        ]
        return sorted(found, key=lambda p: (p.since, p.record_id))[:limit]

    def backlog(self, to: Creditor) -> Backlog:
        debts = [row.debts[to] for row in self.rows.values() if to in row.debts]
        waiting = [debt for debt in debts if not debt.parked]
        missed = sum(debt.missed for debt in waiting)
        return Backlog(len(waiting), missed, len(debts) - len(waiting))

    def fingerprints(self) -> Mapping[int, Fingerprint]:
        found: dict[int, Fingerprint] = {}
        for key, row in self.rows.items():
            old = found.get(codec.bucket(key), Fingerprint(0, 0))
            found[codec.bucket(key)] = Fingerprint(
                old.count + 1, old.digest + codec.digest(row.record)
            )
        return found

    def bucket(self, number: int) -> Mapping[str, int]:
        return {
            key: codec.digest(row.record)
            for key, row in self.rows.items()
            if codec.bucket(key) == number
        }

    def counts(self, keys: Collection[str]) -> Mapping[str, Count]:
        held, ceilings = self.database.held, self.database.ceilings
        return {key: Count(held.get(key, 0), ceilings.get(key)) for key in keys}

    def _put(self, record: R, owing: Collection[Owing], unique: dict[str, object]) -> None:
        for key, delta in self._deltas(record).items():
            self.database.held[key] = self.database.held.get(key, 0) + delta
        self.database.ceilings.update(self.kind.ceilings(record))
        missed = self._missed_before(record.id)
        debts = {o.to: Debt(o.due, record.updated_at, o.missed or o.to in missed) for o in owing}
        self.rows[record.id] = Row(record, debts, unique)

    def _missed_before(self, record_id: str) -> set[Creditor]:
        """Whoever missed an earlier state has missed it until it has received a later one."""
        row = self.rows.get(record_id)
        return {place for place, debt in row.debts.items() if debt.missed} if row else set()

    def _deltas(self, record: R) -> Mapping[str, int]:
        row = self.rows.get(record.id)
        before = self.kind.holds(row.record) if row else {}
        after = self.kind.holds(record)
        keys = {*before, *after}
        return {key: after.get(key, 0) - before.get(key, 0) for key in keys}

    def _check_ceilings(self, record: R) -> None:
        for key, delta in self._deltas(record).items():
            count = self.counts([key])[key]
            if delta > 0 and count.ceiling is not None and count.held + delta > count.ceiling:
                raise Exhausted(key)

    def _unique(self, record: R) -> dict[str, object]:
        if record.deleted:
            return {}
        values = {name: getattr(record, name) for name in self.kind.unique}
        return {name: value for name, value in values.items() if value is not None}

    def _holder(self, record: R, name: str, value: object) -> Row[R] | None:
        for row in self.rows.values():
            if row.record.id != record.id and row.unique.get(name) == value:
                return row
        return None

    def _check_unique(self, record: R) -> None:
        for name, value in self._unique(record).items():
            if self._holder(record, name, value) is not None:
                raise DuplicateKey(name)

    def _displace(self, record: R) -> str | None:
        for name, value in self._unique(record).items():
            holder = self._holder(record, name, value)
            if holder is not None and holder.record.id < record.id:
                return record.id
            if holder is not None:
                holder.unique = {}
                return holder.record.id
        return None
