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
from dinerapp.replication.errors import Refused, StoreFailure
from dinerapp.replication.ports.database import Absence, Database, Ping, PoolUse
from dinerapp.replication.ports.replica import Count, Creditor, Delivery, Owing, Taken
from dinerapp.replication.ports.repository import After, Page, Seen
from dinerapp.replication.ports.store import Store
from dinerapp.replication.record import Record
from dinerapp.replication.version import Place, Version
from tests.simulation.network import Network
from tests.simulation.oracle import Op, Oracle
from tests.simulation.reference import ReferenceDatabase, ReferenceStore
from tests.simulation.scheduler import Actor

POISON = "poison"


@dataclass
class Request:
    """What an actor is doing: which state it changes, and what it saw at the stores."""

    began: float
    record_id: str = ""
    base: Record | None = None
    overdue: dict[Place, list[Op]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    unaware: set[str] = field(default_factory=set)
    asked: dict[Place, bool] = field(default_factory=dict)
    missed: set[Place] = field(default_factory=set)
    delivered: dict[tuple[Place, str], Record] = field(default_factory=dict)


@dataclass
class Poison:
    """A place that cannot hold what says so, until it is cured."""

    place: Place | None = None
    reason: str = "a value this store cannot hold"

    def spoils(self, place: Place, record: Record) -> bool:
        """Whether the place cannot hold the state."""
        return place is self.place and getattr(record, "notes", None) == POISON


@dataclass(frozen=True)
class Line:
    """A process's connection to one server. `is_up` asks the process's breaker."""

    network: Network
    oracle: Oracle
    poison: Poison
    process: str
    place: Place
    is_up: Callable[[], bool]

    def call(self, name: str, apply: Callable[[], Any], *, writes: bool) -> Any:
        """Over the network."""
        request = self.request()
        try:
            return self.network.call((self.process, self.place), name, apply, writes=writes)
        except StoreFailure:
            request.missed.add(self.place)
            raise

    def request(self) -> Request:
        """What the actor at work is doing."""
        actor: Actor | None = self.network.scheduler.current
        if actor is None or actor.context is None:
            return Request(self.network.scheduler.clock.seconds)
        context: Request = actor.context
        return context

    def witness(self) -> None:
        """Remembers what the store lacks at the moment it answers the request."""
        request = self.request()
        request.overdue[self.place] = self.oracle.overdue(self.place, self.process, request.began)
        request.unaware |= self.oracle.unaware(self.place, self.process)
        request.asked[self.place] = request.asked.get(self.place, True) and self.is_up()


class SimulatedDatabase(Database):
    """One server, over one line."""

    def __init__(self, line: Line, database: ReferenceDatabase) -> None:
        self.place = line.place
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

    def pool(self) -> PoolUse:
        return PoolUse()

    def has_joined(self) -> bool:
        return self._line.call("has_joined", self._database.has_joined, writes=False)

    def join(self) -> None:
        self._line.call("join", self._database.join, writes=True)

    def report_absence(self, absence: Absence) -> None:
        self._line.call(
            "report_absence", lambda: self._database.report_absence(absence), writes=True
        )

    def withdraw_absence(self, absence: Absence) -> None:
        self._line.call(
            "withdraw_absence",
            lambda: self._database.withdraw_absence(absence),
            writes=True,
        )

    def absences(self, now: datetime) -> Sequence[Absence]:
        return self._line.call("absences", lambda: self._database.absences(now), writes=False)


class SimulatedStore(Store[Any]):
    """One kind of record, over one line."""

    def __init__(self, line: Line, store: ReferenceStore[Any]) -> None:
        self.place = line.place
        self.kind = store.kind  # type: ignore[misc]
        self._line = line
        self._store = store

    def accept(
        self, record: Any, owing: Collection[Owing] = (), basis: Collection[Seen] = ()
    ) -> Any:
        request = self._line.request()
        base = request.base if request.record_id == record.id else None

        def apply() -> Any:
            if self._line.poison.spoils(self.place, record):
                raise Refused(self._line.poison.reason)
            state = self._store.accept(record, owing, basis)
            self._line.witness()
            self._line.oracle.took(self.place, state, base)
            self._line.oracle.unlimited |= set(living_stock([state])) - self._known_stock()
            return state

        return self._write("accept", apply)

    def _known_stock(self) -> set[str]:
        return set(self._store.database.ceilings)

    def deliver(self, records: Sequence[Any], owing: Collection[Owing] = ()) -> Any:
        request = self._line.request()
        for record in records:
            request.delivered[self.place, record.id] = record
        return self._write(
            "deliver", lambda: [self._delivered(record, owing) for record in records]
        )

    def _delivered(self, record: Any, owing: Collection[Owing]) -> Delivery[Any]:
        if self._line.poison.spoils(self.place, record):
            self._line.oracle.refuses(self.place, record)
            return Delivery(Taken.REFUSED, reason=self._line.poison.reason)
        answer = self._store.deliver([record], owing)[0]
        if answer.taken is Taken.STORED:
            self._line.oracle.holds(self.place, record)
        return answer

    def replace(self, stored: Any, merged: Any, owing: Collection[Owing] = ()) -> bool:
        incoming = self._line.request().delivered.get((self.place, stored.id), stored)

        def apply() -> bool:
            if self._line.poison.spoils(self.place, merged):
                raise Refused(self._line.poison.reason)
            if not self._store.replace(stored, merged, owing):
                return False
            self._line.oracle.merged(self.place, stored, incoming, merged)
            return True

        return self._write("replace", apply)

    def refresh(self, record_ids: Collection[str]) -> int:
        return self._store.refresh(record_ids)

    def load(self, record_ids: Collection[str]) -> Mapping[str, Any]:
        tombstones: set[str] = set()

        def apply() -> Mapping[str, Any]:
            self._line.witness()
            states = (self._store.rows.get(key) for key in record_ids)
            tombstones.update(row.record.id for row in states if row and row.record.deleted)
            return self._store.load(record_ids)

        found = self._read("load", apply)
        self._line.request().gone.update(tombstones)
        return found

    def scan(self, after: str | None, limit: int) -> Any:
        return self._read("scan", lambda: self._store.scan(after, limit))

    def claim(self, to: Creditor, limit: int, now: datetime, until: datetime) -> Any:
        def apply() -> Any:
            owed = self._store.claim(to, limit, now, until)
            ids = [debt.record.id for debt in owed]
            self._line.oracle.leases.claimed(self.place, to, ids, now, until)
            return owed

        return self._write("claim", apply)

    def settle(self, to: Creditor, shipped: Collection[Any]) -> None:
        self._write("settle", lambda: self._store.settle(to, shipped))

    def miss(self, to: Creditor, record_ids: Collection[str], now: datetime) -> None:
        def apply() -> None:
            self._line.oracle.leases.given_back(self.place, to, record_ids)
            self._store.miss(to, record_ids, now)

        self._write("miss", apply)

    def postpone(
        self, to: Creditor, shipped: tuple[str, Version], reason: str, due: datetime, *, park: bool
    ) -> None:
        def apply() -> None:
            self._line.oracle.leases.given_back(self.place, to, [shipped[0]])
            self._store.postpone(to, shipped, reason, due, park=park)

        self._write("postpone", apply)

    def retry_parked(self, to: Creditor, now: datetime) -> int:
        return self._write("retry_parked", lambda: self._store.retry_parked(to, now))

    def parked(self, to: Creditor, limit: int) -> Any:
        return self._read("parked", lambda: self._store.parked(to, limit))

    def kinds_due(self, to: Creditor, kinds: Collection[str], now: datetime) -> Any:
        return self._read("kinds_due", lambda: self._store.kinds_due(to, kinds, now))

    def kinds_missed(self, to: Creditor, kinds: Collection[str]) -> Any:
        return self._read("kinds_missed", lambda: self._store.kinds_missed(to, kinds))

    def backlog(self, to: Creditor) -> Any:
        return self._read("backlog", lambda: self._store.backlog(to))

    def fingerprints(self) -> Any:
        return self._read("fingerprints", self._store.fingerprints)

    def bucket(self, number: int) -> Any:
        return self._read("bucket", lambda: self._store.bucket(number))

    def counts(self, keys: Collection[str]) -> Mapping[str, Count]:
        return self._read("counts", lambda: self._store.counts(keys))

    def all(self) -> Sequence[MenuItem]:
        return self._listed("all")

    def open_count(self) -> int:
        return len(self._listed("open_count"))

    def page(
        self, wanted: OrderFilter | ConflictState | None, after: After | None, limit: int
    ) -> Page[Order] | Page[Conflict]:
        return Page.of(self._listed("page")[: limit + 1], limit)

    def _listed(self, name: str) -> list[Any]:
        def apply() -> list[Any]:
            self._line.witness()
            states = (row.record for row in self._store.rows.values())
            return [state for state in states if not state.deleted]

        return self._read(name, apply)

    def _read(self, name: str, apply: Callable[[], Any]) -> Any:
        return self._line.call(f"{self.kind.name}.{name}", apply, writes=False)

    def _write(self, name: str, apply: Callable[[], Any]) -> Any:
        return self._line.call(f"{self.kind.name}.{name}", apply, writes=True)


def living_stock(orders: Collection[Any]) -> Counter[str]:
    """What living orders hold of each item, counted by hand."""
    held: Counter[str] = Counter()
    for order in (record for record in orders if isinstance(record, Order)):
        if order.status != "cancelled" and not order.deleted:
            for line in order.lines:
                if line.counted:
                    held[f"stock:{line.item_id}"] += line.quantity
    return held
