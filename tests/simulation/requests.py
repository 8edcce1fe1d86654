"""How a client asks: in some process, until the answer is definite; every answer is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dinerapp.replication import deadline, served_by
from dinerapp.replication.errors import (
    AlreadyExists,
    KeyReused,
    NoStoreAvailable,
    Rejection,
    RuleViolation,
)
from dinerapp.replication.record import Record
from dinerapp.replication.saving import WriteResult, save_idempotently, update_with_retry
from tests.simulation.oracle import IntendedOperation
from tests.simulation.process import SimulatedProcess
from tests.simulation.scheduler import ProcessKilled, Violation
from tests.simulation.simulation import Simulation
from tests.simulation.stores import RequestContext

T = TypeVar("T")

MAX_TRIES = 4


class NoAnswer(Exception):
    """No definite answer: nothing was available, or the process died."""


@dataclass
class CheckedRepository:
    """A process's repository of one kind, whose answers go to the oracle first."""

    world: Simulation
    process: SimulatedProcess
    kind: str
    base: Record | None = None

    def get(self, record_id: str) -> Any:
        request = self._begin()
        oracle = self.world.oracle
        try:
            record = self.process.repositories[self.kind].get(record_id)
        except Rejection:
            excused = record_id in request.unaware
            oracle.check_missing(record_id, self.process.name, request.began, excused=excused)
            raise
        self._check(request)
        was_up = all(request.asked.values())
        excused = (record_id in request.unaware or not was_up) and record_id not in request.gone
        oracle.check_found(record, request.began, excused=excused)
        self.base = record
        return record

    def save(self, record: Any) -> Any:
        request = self._begin()
        request.record_id, request.base = record.id, self.base
        state = self.process.repositories[self.kind].save(record)
        self._check(request)
        return state

    def list(self, *args: Any) -> Any:
        request = self._begin()
        repository = self.process.repositories[self.kind]
        answer = repository.page(*args) if args else repository.all()
        self._check(request)
        return answer

    def _begin(self) -> RequestContext:
        served_by.reset()
        request = RequestContext(self.world.clock.seconds)
        actor = self.world.scheduler.current
        if actor is not None:
            actor.context = request
        return request

    def _check(self, request: RequestContext) -> None:
        served = served_by.current()
        if served is not None:
            self.world.oracle.check_primary_answer(served, request.overdue.get(served.store_id, []))


class RequestRunner:
    """One client's way of asking."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        self._asked = ""

    def create(self, op: IntendedOperation, make: Callable[[], Any]) -> bool:
        """Saves a new record, made afresh at each try; whether it was done."""
        return self._until_answered(op, lambda checked: save_idempotently(checked.save, make()))

    def change(self, op: IntendedOperation, change: Callable[[Any], Any]) -> bool:
        """Reads, changes and saves, as use cases do; whether it was done.

        What `changed` has only read to be done is not safe yet: the composite is asked, too.
        """

        def attempt(checked: CheckedRepository) -> WriteResult[Any]:
            done = update_with_retry(checked, op.record_id, op.op_id, change)  # type: ignore[arg-type]
            if done.replayed:
                return save_idempotently(checked.save, replace(done.record, op_id=op.op_id))
            return done

        return self._until_answered(op, attempt)

    def fetch(self, kind: str, question: Callable[[CheckedRepository], Any]) -> None:
        """One read; no answer is an answer too."""
        try:
            answer = self._once(kind, question)
        except (NoAnswer, Rejection) as exc:
            self.world.history.note("read of %s: %s", kind, type(exc).__name__)
        else:
            self.world.history.note("read of %s by %s: %s", kind, served_by.current(), answer)

    def _until_answered(
        self, op: IntendedOperation, attempt: Callable[[CheckedRepository], Any]
    ) -> bool:
        world = self.world
        for _ in range(MAX_TRIES):
            try:
                done = self._once(op.kind, attempt)
            except NoAnswer as lost:
                op.answers.append("unknown")
                world.history.note("%s: no answer, %s", op, lost)
                world.scheduler.sleep(world.rng.expovariate(2.0))
            except (AlreadyExists, KeyReused) as no:
                what = f"{op} was answered {type(no).__name__}, and its key was used once"
                raise Violation("P3 nothing doubled", what) from no
            except (Rejection, RuleViolation) as no:
                op.answers.append("rejected")
                world.history.note("%s: rejected, %s", op, type(no).__name__)
                return False
            else:
                world.history.note("%s: acknowledged, %s", op, done.record)
                world.oracle.record_acknowledgement(op, self._asked, world.clock.seconds)
                return True
        return False

    def _once(self, kind: str, attempt: Callable[[CheckedRepository], T]) -> T:
        world, actor = self.world, self.world.scheduler.current
        process = world.any_process()
        if process is None or actor is None:
            raise NoAnswer("no process is running")
        self._asked = process.name
        actor.home = process
        world.history.note("asks %s", process.name)
        try:
            with deadline.within(world.rng.choice(world.plan.budgets)):
                return attempt(CheckedRepository(world, process, kind))
        except ProcessKilled:
            raise NoAnswer("the process died") from None
        except NoStoreAvailable as exc:
            raise NoAnswer(str(exc)) from exc
        finally:
            actor.home, actor.context = None, None
