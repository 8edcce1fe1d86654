"""The reference stores as a process sees them: over the network, under the oracle's eyes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.errors import StoreFailure, UnstorableRecord
from dinerapp.replication.ports.database import Database, Ping, PoolUsage, SuspicionLease
from dinerapp.replication.ports.replica import ApplyOutcome, ApplyResult, OutboxEntry, Target
from dinerapp.replication.ports.repository import Cursor, Page, ReadVersion, Usage
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import StoreId, Version
from tests.contracts.counted import Booking
from tests.simulation.network import Network
from tests.simulation.oracle import IntendedOperation, Oracle
from tests.simulation.reference import ReferenceDatabase, ReferenceStore
from tests.simulation.scheduler import Actor

POISON = "poison"


@dataclass
class RequestContext:
    """What an actor is doing: which state it changes, and what it saw at the stores."""

    began: float
    record_id: str = ""
    base: Record | None = None
    overdue: dict[StoreId, list[IntendedOperation]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unaware: set[str] = field(default_factory=set)
    asked: dict[StoreId, bool] = field(default_factory=dict)
    missed: set[StoreId] = field(default_factory=set)
    delivered: dict[tuple[StoreId, str], Record] = field(default_factory=dict)


@dataclass
class PoisonedStore:
    """A place that cannot hold what says so, until it is cured."""

    place: StoreId | None = None
    reason: str = "a value this store cannot hold"

    def refuses(self, store_id: StoreId, record: Record) -> bool:
        """Whether the place cannot hold the state."""
        return store_id is self.place and getattr(record, "notes", None) == POISON


@dataclass(frozen=True)
class ServerLink:
    """A process's connection to one server. `is_up` asks the process's view of its health."""

    network: Network
    oracle: Oracle
    poison: PoisonedStore
    process: str
    place: StoreId
    is_up: Callable[[], bool]

    def call(self, name: str, apply: Callable[[], Any], *, writes: bool) -> Any:
        """Over the network."""
        request = self.request()
        try:
            return self.network.call((self.process, self.place), name, apply, writes=writes)
        except StoreFailure:
            request.missed.add(self.place)
            raise

    def request(self) -> RequestContext:
        """What the actor at work is doing."""
        actor: Actor | None = self.network.scheduler.current
        if actor is None or actor.context is None:
            return RequestContext(self.network.scheduler.clock.seconds)
        context: RequestContext = actor.context
        return context

    def note_overdue(self) -> None:
        """Remembers what the store lacks at the moment it answers the request."""
        request = self.request()
        request.overdue[self.place] = self.oracle.overdue(self.place, self.process, request.began)
        request.unaware |= self.oracle.unaware(self.place, self.process)
        request.asked[self.place] = request.asked.get(self.place, True) and self.is_up()


class SimulatedDatabase(Database):
    """One server, over one line."""

    def __init__(self, line: ServerLink, database: ReferenceDatabase) -> None:
        self.store_id = line.place
        self.name = line.place.value
        self._line = line
        self._database = database

    def open(self) -> None: ...
    def close(self) -> None: ...
    def reset(self) -> None: ...

    def prepare(self) -> None:
        self._line.call("prepare", self._database.prepare, writes=False)

    def ping(self) -> Ping:
        return self._line.call("ping", self._database.ping, writes=False)

    def pool_usage(self) -> PoolUsage:
        return PoolUsage()

    def has_full_copy(self) -> bool:
        return self._line.call("has_full_copy", self._database.has_full_copy, writes=False)

    def mark_full_copy(self) -> None:
        self._line.call("mark_full_copy", self._database.mark_full_copy, writes=True)

    def publish_suspicion(self, lease: SuspicionLease) -> None:
        self._line.call(
            "report_absence", lambda: self._database.publish_suspicion(lease), writes=True
        )

    def withdraw_suspicion(self, lease: SuspicionLease) -> None:
        self._line.call(
            "withdraw_absence",
            lambda: self._database.withdraw_suspicion(lease),
            writes=True,
        )

    def suspicions(self, now: datetime) -> Sequence[SuspicionLease]:
        return self._line.call("suspicions", lambda: self._database.suspicions(now), writes=False)


class SimulatedStore(Store[Any]):
    """One kind of record, over one line."""

    def __init__(self, line: ServerLink, store: ReferenceStore[Any]) -> None:
        self.store_id = line.place
        self.kind = store.kind  # type: ignore[misc]
        self._line = line
        self._store = store

    def accept(
        self,
        record: Any,
        entries: Collection[OutboxEntry] = (),
        read_set: Collection[ReadVersion] = (),
    ) -> Any:
        request = self._line.request()
        base = request.base if request.record_id == record.id else None

        def apply() -> Any:
            if self._line.poison.refuses(self.store_id, record):
                raise UnstorableRecord(self._line.poison.reason)
            state = self._store.accept(record, entries, read_set)
            self._line.note_overdue()
            self._line.oracle.record_accept(self.store_id, state, base)
            self._line.oracle.unlimited |= set(living_stock([state])) - self._known_stock()
            return state

        return self._write("accept", apply)

    def _known_stock(self) -> set[str]:
        return set(self._store.database.limits)

    def deliver(self, records: Sequence[Any], entries: Collection[OutboxEntry] = ()) -> Any:
        request = self._line.request()
        for record in records:
            request.delivered[self.store_id, record.id] = record
        return self._write(
            "deliver", lambda: [self._delivered(record, entries) for record in records]
        )

    def _delivered(self, record: Any, outbox_entries: Collection[OutboxEntry]) -> ApplyResult[Any]:
        if self._line.poison.refuses(self.store_id, record):
            self._line.oracle.fails_with(self.store_id, record)
            return ApplyResult(ApplyOutcome.REFUSED, reason=self._line.poison.reason)
        answer = self._store.deliver([record], outbox_entries)[0]
        if answer.outcome is ApplyOutcome.STORED:
            self._line.oracle.record_state(self.store_id, record)
        return answer

    def replace(self, stored: Any, merged: Any, entries: Collection[OutboxEntry] = ()) -> bool:
        incoming = self._line.request().delivered.get((self.store_id, stored.id), stored)

        def apply() -> bool:
            if self._line.poison.refuses(self.store_id, merged):
                raise UnstorableRecord(self._line.poison.reason)
            if not self._store.replace(stored, merged, entries):
                return False
            self._line.oracle.record_merge(self.store_id, stored, incoming, merged)
            return True

        return self._write("replace", apply)

    def rehash(self, record_ids: Collection[str]) -> int:
        return self._store.rehash(record_ids)

    def load(self, record_ids: Collection[str]) -> Mapping[str, Any]:
        tombstones: set[str] = set()

        def apply() -> Mapping[str, Any]:
            self._line.note_overdue()
            states = (self._store.rows.get(key) for key in record_ids)
            tombstones.update(row.record.id for row in states if row and row.record.deleted)
            return self._store.load(record_ids)

        found = self._read("load", apply)
        self._line.request().gone.update(tombstones)
        return found

    def scan(self, after_id: str | None, limit: int) -> Any:
        return self._read("scan", lambda: self._store.scan(after_id, limit))

    def claim(self, target: Target, limit: int, now: datetime, lease_until: datetime) -> Any:
        def apply() -> Any:
            claimed = self._store.claim(target, limit, now, lease_until)
            ids = [entry.record.id for entry in claimed]
            self._line.oracle.leases.record_claim(self.store_id, target, ids, now, lease_until)
            return claimed

        return self._write("claim", apply)

    def acknowledge(self, target: Target, shipped: Collection[Any]) -> None:
        self._write("settle", lambda: self._store.acknowledge(target, shipped))

    def mark_undelivered(self, target: Target, record_ids: Collection[str], now: datetime) -> None:
        def apply() -> None:
            self._line.oracle.leases.record_release(self.store_id, target, record_ids)
            self._store.mark_undelivered(target, record_ids, now)

        self._write("miss", apply)

    def reschedule(
        self,
        target: Target,
        shipped: tuple[str, Version],
        reason: str,
        due: datetime,
        *,
        give_up: bool,
    ) -> None:
        def apply() -> None:
            self._line.oracle.leases.record_release(self.store_id, target, [shipped[0]])
            self._store.reschedule(target, shipped, reason, due, give_up=give_up)

        self._write("postpone", apply)

    def retry_dead_letters(self, target: Target, now: datetime) -> int:
        return self._write("retry_parked", lambda: self._store.retry_dead_letters(target, now))

    def dead_letters(self, target: Target, limit: int) -> Any:
        return self._read("parked", lambda: self._store.dead_letters(target, limit))

    def kinds_due(self, target: Target, kinds: Collection[str], now: datetime) -> Any:
        return self._read("kinds_due", lambda: self._store.kinds_due(target, kinds, now))

    def kinds_undelivered(self, target: Target, kinds: Collection[str]) -> Any:
        return self._read("kinds_undelivered", lambda: self._store.kinds_undelivered(target, kinds))

    def backlog(self, target: Target) -> Any:
        return self._read("backlog", lambda: self._store.backlog(target))

    def fingerprints(self) -> Any:
        return self._read("fingerprints", self._store.fingerprints)

    def bucket_digests(self, number: int) -> Any:
        return self._read("bucket", lambda: self._store.bucket_digests(number))

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        return self._read("counts", lambda: self._store.usage(keys))

    def holders(self, key: str, limit: int) -> Sequence[Any]:
        return self._read("holders", lambda: self._store.holders(key, limit))

    def all(self) -> Sequence[MenuItem]:
        return self._listed("all")

    def open_count(self) -> int:
        return len(self._listed("open_count"))

    def page(
        self, filters: OrderFilter | ConflictState | None, after: Cursor | None, limit: int
    ) -> Page[Order] | Page[Conflict]:
        return Page.from_records(self._listed("page")[: limit + 1], limit)

    def _listed(self, name: str) -> list[Any]:
        def apply() -> list[Any]:
            self._line.note_overdue()
            states = (row.record for row in self._store.rows.values())
            return [state for state in states if not state.deleted]

        return self._read(name, apply)

    def _read(self, name: str, apply: Callable[[], Any]) -> Any:
        return self._line.call(f"{self.kind.name}.{name}", apply, writes=False)

    def _write(self, name: str, apply: Callable[[], Any]) -> Any:
        return self._line.call(f"{self.kind.name}.{name}", apply, writes=True)


def living_stock(records: Collection[Any]) -> Counter[str]:
    """What living orders hold of each item and living bookings of each half hour, counted by
    hand."""
    held: Counter[str] = Counter()
    for booking in (record for record in records if isinstance(record, Booking)):
        held.update([] if booking.deleted else booking.keys)
    for order in (record for record in records if isinstance(record, Order)):
        if order.status != "cancelled" and not order.deleted:
            for line in order.lines:
                if line.counted:
                    held[f"stock:{line.item_id}"] += line.quantity
    return held
