"""Two stores behind one port: written once, for every port there is.

Contract suite: the composite passes the suite of each port it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from adapters.fallback.settler import Settler
from adapters.fallback.side import Call, Side
from dinerapp.replication.errors import (
    Contended,
    NotFound,
    NothingAvailable,
    OutcomeUnknown,
    Rejection,
    Replayed,
    StoreFailure,
)
from dinerapp.replication.local_dispatch import Fresh
from dinerapp.replication.ports.replica import Owing
from dinerapp.replication.ports.repository import Repository, Seen
from dinerapp.replication.ports.routing import Route, route_of
from dinerapp.replication.ports.store import admissible, living
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.replicator import Handover

R = TypeVar("R", bound=Record)
P = TypeVar("P", bound=Repository[Any])

MAY_BE_ELSEWHERE = "the database that may hold this record cannot be reached"
NOBODY_ANSWERED = "no database is reachable"


class UnroutableMethod(TypeError):
    """A port declares a method the composite cannot send anywhere."""


@dataclass(frozen=True, slots=True)
class Workings:
    """What all composites of a process share. `grace` is how long an inline delivery may take
    before a relay does it."""

    handover: Handover
    settler: Settler
    fresh: Fresh = field(default_factory=Fresh.of_nobody)
    grace: timedelta = timedelta(seconds=3)
    now: Callable[[], datetime] = utc_now


class Composite(Repository[R], Generic[R]):
    """The routing of reads and writes over a primary and, unless the kind is placed in one
    store only, its backup. Subclasses are made by `compose`."""

    def __init__(self, sides: Sequence[Side[R]], workings: Workings) -> None:
        self.sides = tuple(sides)
        self._workings = workings

    def get(self, record_id: str) -> R:
        return living(self.kind.name, record_id, self._load([record_id]))

    def get_many(self, record_ids: Collection[str]) -> Mapping[str, R]:
        found = self._load(record_ids)
        return {key: record for key, record in found.items() if not record.deleted}

    def _load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """Tombstones too: what one store knows to be deleted is not asked of the other."""
        found: dict[str, R] = {}
        answered: list[Call[R]] = []
        for side in self._serving():
            missing = [key for key in record_ids if key not in found]
            if answered and not missing:
                break
            try:
                with side.calling(f"{self.kind.name}.get") as call:
                    more = side.store.load(missing)
            except StoreFailure:
                continue
            if more or not answered:
                side.note_served(f"{self.kind.name}.get", call)
            found.update(more)
            answered.append(call)
        if any(key not in found for key in record_ids):
            self._require_certainty(answered)
        self._require_answer(answered)
        return found

    def save(self, record: R, basis: Collection[Seen] = ()) -> R:
        record = admissible(record, lambda record_id: self._repeated(record_id, record.op_id))
        unknown: OutcomeUnknown | None = None
        for side in self._serving():
            try:
                return self._accept(side, record, basis)
            except OutcomeUnknown as exc:
                unknown = exc
            except Contended as exc:
                if unknown is None:
                    raise
                raise NothingAvailable(exc.reason) from unknown
            except StoreFailure:
                continue
            except Rejection as exc:
                if unknown is None:
                    raise
                return self._own_first_try(unknown, exc)
        raise NothingAvailable(NOBODY_ANSWERED) from unknown

    def delete(self, record: R) -> R:
        return self.save(replace(record, deleted=True))

    def _find(self, name: str, *args: Any, **kwargs: Any) -> R:
        """One record by something else than its id."""
        operation = f"{self.kind.name}.{name}"
        answered: list[Call[R]] = []
        for side in self._serving():
            try:
                with side.calling(operation) as call:
                    found: R = getattr(side.store, name)(*args, **kwargs)
            except NotFound:
                answered.append(call)
            except StoreFailure:
                continue
            else:
                self._refuse_overtaken(found, answered)
                side.note_served(operation, call)
                return found
        self._require_certainty(answered)
        raise NotFound(self.kind.name, name)

    def _ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Whatever the port asks, of the store that is serving."""
        operation = f"{self.kind.name}.{name}"
        for side in self._serving():
            try:
                with side.calling(operation) as call:
                    answer = getattr(side.store, name)(*args, **kwargs)
            except StoreFailure:
                continue
            side.note_served(operation, call)
            return answer
        raise NothingAvailable(NOBODY_ANSWERED)

    def _serving(self) -> Iterator[Side[R]]:
        """The sides worth asking, best first: what is up, then what is only catching up. Of two
        such, the one that has been there for longer took the writes that the other one lacks."""
        for side in sorted(self.sides, key=lambda side: side.breaker.reluctance):
            if side.breaker.is_reachable:
                yield side

    def _other(self, side: Side[R]) -> Side[R] | None:
        return next((other for other in self.sides if other is not side), None)

    def _accept(self, side: Side[R], record: R, basis: Collection[Seen]) -> R:
        """Accepts, then delivers inline if the other store is reachable by now: it may have come
        back since the debt was noted, and must not be up before it has received this. Or it may
        have gone, and must not come back without knowing that it lacks this."""
        other, operation = self._other(side), f"{self.kind.name}.save"
        missed = other is not None and not other.breaker.is_reachable
        owing = self._owing(other, missed=missed)
        try:
            with side.calling(operation) as call:
                if missed and side.word is not None:
                    side.word.give()
                accepted = side.store.accept(record, owing, basis)
        except Rejection as exc:
            if isinstance(exc, Replayed):
                self._hand_on(exc.stored, side)
            side.note_served(operation, call, wrote=True)
            raise
        self._hand_on(accepted, side, missed=missed)
        side.note_served(operation, call, wrote=True)
        if self.kind.followed:
            self._workings.fresh.add(accepted, side.store)
        return accepted

    def _hand_on(self, record: R, side: Side[R], *, missed: bool = False) -> None:
        """Before a write is acknowledged, or acknowledged again, the other store has it or is
        known to miss it. The first try may have died before it came to that."""
        other = self._other(side)
        if other is not None and other.breaker.is_reachable:
            self._deliver(record, side, other)
        elif other is not None and not missed:
            self._note_missed(record, side, other)

    def _repeated(self, record_id: str, op_id: str) -> R:
        """The record as it stands in a store that knows the operation the caller has read."""
        for side in self._serving():
            try:
                with side.calling(f"{self.kind.name}.get"):
                    stored = side.store.load([record_id]).get(record_id)
            except StoreFailure:
                continue
            if stored is not None and stored.has_seen_key_of(op_id):
                self._hand_on(stored, side)
                return stored
        raise NothingAvailable(MAY_BE_ELSEWHERE)

    def _owing(self, other: Side[R] | None, *, missed: bool) -> list[Owing]:
        now = self._workings.now()
        owing = [*Owing.followers(self.kind, now + self._workings.fresh.grace)]
        if other is not None:
            due = now if missed else now + self._workings.grace
            owing.append(Owing(other.place, due, missed))
        return owing

    def _deliver(self, record: R, side: Side[R], other: Side[R]) -> None:
        try:
            with other.calling(f"{self.kind.name}.deliver"):
                handed = self._workings.handover.bring([record], side.store, other.store)
        except (StoreFailure, NothingAvailable):
            self._note_missed(record, side, other)
            return
        if handed.settled:
            self._workings.settler.add(record, side.store, other.store)

    def _note_missed(self, record: R, side: Side[R], other: Side[R]) -> None:
        """Until this is noted the write must not be acknowledged: the other store would come
        back without knowing that it lacks it. And if it is up after all, it may not stay so."""
        try:
            with side.calling(f"{self.kind.name}.miss"):
                side.store.miss(other.place, [record.id], self._workings.now())
        except StoreFailure as exc:
            raise NothingAvailable(NOBODY_ANSWERED) from exc
        other.breaker.failed("it lacks a write")

    def _own_first_try(self, unknown: OutcomeUnknown, rejection: Rejection) -> R:
        """Another store rejects what may have been applied in the first one. If it has taken this
        very operation before, that is the answer; otherwise nobody can say."""
        if isinstance(rejection, Replayed):
            raise rejection
        raise NothingAvailable(f"{unknown.reason}; then: {rejection}") from rejection

    def _refuse_overtaken(self, found: R, asked: Sequence[Call[R]]) -> None:
        """What a store that was asked before knows better: there it does not fit any more."""
        for call in asked:
            try:
                with call.side.calling(f"{self.kind.name}.get"):
                    known = call.side.store.load([found.id])
            except StoreFailure:
                continue
            if found.id in known:
                raise NotFound(self.kind.name, found.id)

    def _require_answer(self, answered: Sequence[Call[R]]) -> None:
        if not answered:
            raise NothingAvailable(NOBODY_ANSWERED)

    def _require_certainty(self, answered: Sequence[Call[R]]) -> None:
        """That nobody has a record is known if all were asked, or one that missed nothing."""
        self._require_answer(answered)
        if len(answered) < len(self.sides) and not any(c.missed_nothing for c in answered):
            raise NothingAvailable(MAY_BE_ELSEWHERE)


def compose(port: type[P], sides: Sequence[Side[Any]], workings: Workings) -> P:
    """The stores, primary first, as one port; refuses a port it cannot route whole."""
    own = port.__abstractmethods__ - Repository.__abstractmethods__
    methods = {name: _routed(port, name) for name in sorted(own)}
    made = type(f"Fallback{port.__name__}", (Composite, port), methods)
    composite: P = made(sides, workings)
    return composite


def _routed(port: type, name: str) -> Callable[..., Any]:
    match route_of(port, name):
        case Route.LOOKUP:
            return lambda self, *args, **kwargs: self._find(name, *args, **kwargs)
        case Route.QUESTION:
            return lambda self, *args, **kwargs: self._ask(name, *args, **kwargs)
    raise UnroutableMethod(
        f"{port.__name__}.{name} is neither a @lookup nor a @question, and the composite has no "
        "method of that name: it would not know which store to ask"
    )
