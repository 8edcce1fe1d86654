"""Two stores behind one port: written once, for every port there is.

Contract suite: the composite passes the suite of each port it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import FunctionType
from typing import Any, Generic, TypeVar

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.guarded_store import GuardedStore, StoreCall
from dinerapp.replication.errors import (
    Contended,
    NoStoreAvailable,
    NotFound,
    OutcomeUnknown,
    Rejection,
    Replayed,
    StoreFailure,
)
from dinerapp.replication.local_dispatch import LocalDispatchQueue
from dinerapp.replication.ports.documents import Documents
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.ports.repository import ReadVersion, Repository, Usage
from dinerapp.replication.ports.routing import Route, route_of
from dinerapp.replication.ports.store import admissible, require_existing
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.replicator import Replicator

R = TypeVar("R", bound=Record)
P = TypeVar("P", bound=Repository[Any])

_COMMON_BASES = frozenset({*Repository.__mro__, *Documents.__mro__})
MAY_BE_ELSEWHERE = "the database that may hold this record cannot be reached"
NO_STORE_ANSWERED = "no database is reachable"


class UnroutableMethod(TypeError):
    """A port declares a method the composite cannot send anywhere."""


@dataclass(frozen=True, slots=True)
class ReplicationContext:
    """What all composites of a process share. `grace` is how long an inline delivery may take
    before a relay does it."""

    replicator: Replicator
    ack_batcher: AckBatcher
    dispatch_queue: LocalDispatchQueue = field(default_factory=LocalDispatchQueue.disabled)
    grace: timedelta = timedelta(seconds=3)
    now: Callable[[], datetime] = utc_now


class Composite(Repository[R], Generic[R]):
    """The routing of reads and writes over a primary and, unless the kind is placed in one
    store only, its backup. Subclasses are made by `compose`."""

    def __init__(self, stores: Sequence[GuardedStore[R]], context: ReplicationContext) -> None:
        self.stores = tuple(stores)
        self._context = context

    def get(self, record_id: str) -> R:
        return require_existing(self.kind.name, record_id, self._load([record_id]))

    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        found = self._load(record_ids)
        return {key: record for key, record in found.items() if not record.deleted}

    def _load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """Tombstones too: what one store knows to be deleted is not asked of the other."""
        found: dict[str, R] = {}
        answered: list[StoreCall[R]] = []
        for side in self._reachable_stores():
            missing = [key for key in record_ids if key not in found]
            if answered and not missing:
                break
            try:
                with side.guarded_call(f"{self.kind.name}.get") as call:
                    more = side.store.load(missing)
            except StoreFailure:
                continue
            if more or not answered:
                side.record_served(f"{self.kind.name}.get", call)
            found.update(more)
            answered.append(call)
        if any(key not in found for key in record_ids):
            self._require_certainty(answered)
        self._require_answer(answered)
        return found

    def save(self, record: R, read_set: Collection[ReadVersion] = ()) -> R:
        record = admissible(record, lambda record_id: self._load_replayed(record_id, record.op_id))
        unknown: OutcomeUnknown | None = None
        for side in self._reachable_stores():
            try:
                return self._accept(side, record, read_set)
            except OutcomeUnknown as exc:
                unknown = exc
            except Contended as exc:
                if unknown is None:
                    raise
                raise NoStoreAvailable(exc.reason) from unknown
            except StoreFailure:
                continue
            except Rejection as exc:
                if unknown is None:
                    raise
                return self._resolve_unknown_outcome(unknown, exc)
        raise NoStoreAvailable(NO_STORE_ANSWERED) from unknown

    def delete(self, record: R) -> R:
        return self.save(replace(record, deleted=True))

    def usage(self, keys: Collection[str]) -> Mapping[str, Usage]:
        found: Mapping[str, Usage] = self._query("usage", keys)
        return found

    def _find_one(self, name: str, *args: Any, **kwargs: Any) -> R:
        """One record by something else than its id."""
        operation = f"{self.kind.name}.{name}"
        answered: list[StoreCall[R]] = []
        for side in self._reachable_stores():
            try:
                with side.guarded_call(operation) as call:
                    found: R = getattr(side.store, name)(*args, **kwargs)
            except NotFound:
                answered.append(call)
            except StoreFailure:
                continue
            else:
                self._reject_superseded(found, answered)
                side.record_served(operation, call)
                return found
        self._require_certainty(answered)
        raise NotFound(self.kind.name, name)

    def _query(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Whatever the port asks, of the store that is serving."""
        operation = f"{self.kind.name}.{name}"
        for side in self._reachable_stores():
            try:
                with side.guarded_call(operation) as call:
                    answer = getattr(side.store, name)(*args, **kwargs)
            except StoreFailure:
                continue
            side.record_served(operation, call)
            return answer
        raise NoStoreAvailable(NO_STORE_ANSWERED)

    def _reachable_stores(self) -> Iterator[GuardedStore[R]]:
        """The sides worth asking, best first: what is up, then what is only catching up. Of two
        such, the one that has been there for longer took the writes that the other one lacks."""
        for side in sorted(self.stores, key=lambda side: side.health.preference):
            if side.health.is_reachable:
                yield side

    def _peer_of(self, store: GuardedStore[R]) -> GuardedStore[R] | None:
        return next((other for other in self.stores if other is not store), None)

    def _accept(self, acceptor: GuardedStore[R], record: R, read_set: Collection[ReadVersion]) -> R:
        """Accepts, then delivers inline if the other store is reachable by now: it may have come
        back since the debt was noted, and must not be up before it has received this. Or it may
        have gone, and must not come back without knowing that it lacks this."""
        other, operation = self._peer_of(acceptor), f"{self.kind.name}.save"
        missed = other is not None and not other.health.is_reachable
        outbox_entries = self._outbox_entries(other, undelivered=missed)
        try:
            with acceptor.guarded_call(operation) as call:
                if missed and acceptor.peer_suspicion is not None:
                    acceptor.peer_suspicion.publish()
                accepted = acceptor.store.accept(record, outbox_entries, read_set)
        except Rejection as exc:
            if isinstance(exc, Replayed):
                self._replicate(exc.stored, acceptor)
            acceptor.record_served(operation, call, wrote=True)
            raise
        self._replicate(accepted, acceptor, undelivered=missed)
        acceptor.record_served(operation, call, wrote=True)
        if self.kind.has_followers:
            self._context.dispatch_queue.add(accepted, acceptor.store)
        return accepted

    def _replicate(
        self, record: R, acceptor: GuardedStore[R], *, undelivered: bool = False
    ) -> None:
        """Before a write is acknowledged, or acknowledged again, the other store has it or is
        known to miss it. The first try may have died before it came to that."""
        other = self._peer_of(acceptor)
        if other is not None and other.health.is_reachable:
            self._deliver(record, acceptor, other)
        elif other is not None and not undelivered:
            self._mark_undelivered(record, acceptor, other)

    def _load_replayed(self, record_id: str, op_id: str) -> R:
        """The record as it stands in a store that knows the operation the caller has read."""
        for side in self._reachable_stores():
            try:
                with side.guarded_call(f"{self.kind.name}.get"):
                    stored = side.store.load([record_id]).get(record_id)
            except StoreFailure:
                continue
            if stored is not None and stored.has_applied_key_of(op_id):
                self._replicate(stored, side)
                return stored
        raise NoStoreAvailable(MAY_BE_ELSEWHERE)

    def _outbox_entries(
        self, peer: GuardedStore[R] | None, *, undelivered: bool
    ) -> list[OutboxEntry]:
        now = self._context.now()
        owing = [*OutboxEntry.for_followers(self.kind, now + self._context.dispatch_queue.grace)]
        if peer is not None:
            due = now if undelivered else now + self._context.grace
            owing.append(OutboxEntry(peer.store_id, due, undelivered))
        return owing

    def _deliver(self, record: R, source: GuardedStore[R], target: GuardedStore[R]) -> None:
        try:
            with target.guarded_call(f"{self.kind.name}.deliver"):
                handed = self._context.replicator.deliver([record], source.store, target.store)
        except (StoreFailure, NoStoreAvailable):
            self._mark_undelivered(record, source, target)
            return
        if handed.acknowledged:
            self._context.ack_batcher.add(record, source.store, target.store)

    def _mark_undelivered(
        self, record: R, source: GuardedStore[R], target: GuardedStore[R]
    ) -> None:
        """Until this is noted the write must not be acknowledged: the other store would come
        back without knowing that it lacks it. And if it is up after all, it may not stay so."""
        try:
            with source.guarded_call(f"{self.kind.name}.miss"):
                source.store.mark_undelivered(target.store_id, [record.id], self._context.now())
        except StoreFailure as exc:
            raise NoStoreAvailable(NO_STORE_ANSWERED) from exc
        target.health.trip("it lacks a write")

    def _resolve_unknown_outcome(self, unknown: OutcomeUnknown, rejection: Rejection) -> R:
        """Another store rejects what may have been applied in the first one. If it has taken this
        very operation before, that is the answer; otherwise nobody can say."""
        if isinstance(rejection, Replayed):
            raise rejection
        raise NoStoreAvailable(f"{unknown.reason}; then: {rejection}") from rejection

    def _reject_superseded(self, record: R, earlier_calls: Sequence[StoreCall[R]]) -> None:
        """What a store that was asked before knows better: there it does not fit any more."""
        for call in earlier_calls:
            try:
                with call.guarded_store.guarded_call(f"{self.kind.name}.get"):
                    known = call.guarded_store.store.load([record.id])
            except StoreFailure:
                continue
            if record.id in known:
                raise NotFound(self.kind.name, record.id)

    def _require_answer(self, calls: Sequence[StoreCall[R]]) -> None:
        if not calls:
            raise NoStoreAvailable(NO_STORE_ANSWERED)

    def _require_certainty(self, calls: Sequence[StoreCall[R]]) -> None:
        """That nobody has a record is known if all were asked, or one that missed nothing."""
        self._require_answer(calls)
        if len(calls) < len(self.stores) and not any(c.was_up_throughout for c in calls):
            raise NoStoreAvailable(MAY_BE_ELSEWHERE)


def compose(port: type[P], stores: Sequence[GuardedStore[Any]], context: ReplicationContext) -> P:
    """The stores, primary first, as one port; refuses a port it cannot route whole."""
    methods = {name: _route_method(port, name) for name in sorted(_own_methods(port))}
    made = type(f"Fallback{port.__name__}", (Composite, port), methods)
    composite: P = made(stores, context)
    return composite


def _own_methods(port: type[Repository[Any]]) -> Collection[str]:
    """What the port declares beyond the common bases. One that is written in the port itself has to
    run in a store too: the composite could not answer what it asks."""
    written = {
        name
        for base in port.__mro__
        if base not in _COMMON_BASES
        for name, value in vars(base).items()
        if route_of(port, name) or (not name.startswith("_") and _is_method(value))
    }
    return written | (port.__abstractmethods__ - Repository.__abstractmethods__)


def _is_method(value: object) -> bool:
    return isinstance(value, FunctionType | property)


def _route_method(port: type, name: str) -> Callable[..., Any]:
    match route_of(port, name):
        case Route.FIND_ONE:
            return lambda self, *args, **kwargs: self._find_one(name, *args, **kwargs)
        case Route.QUERY:
            return lambda self, *args, **kwargs: self._query(name, *args, **kwargs)
    raise UnroutableMethod(
        f"{port.__name__}.{name} is marked neither @find_one nor @query, and the composite has no "
        "method of that name: it would not know which store to ask"
    )
