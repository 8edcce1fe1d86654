"""Actors that take turns on one thread; who is next is drawn from the seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import greenlet

from tests.simulation.clock import SimulatedClock

LONGEST_STEP = 0.004


class ProcessKilled(BaseException):
    """The process this actor runs in is gone; nobody may catch it but the harness."""


class Violation(BaseException):
    """A promise was broken; ends the simulation."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.what = what


class Actor:
    """A client, or a background loop of a process.

    `home` is the process it runs in right now. `context` is what the harness remembers for it.
    """

    __slots__ = ("alive", "context", "greenlet", "home", "name", "wake")

    def __init__(self, name: str, home: object | None) -> None:
        self.name = name
        self.home = home
        self.wake = 0.0
        self.alive = True
        self.context: Any = None
        self.greenlet: greenlet.greenlet


class Scheduler:
    """Runs actors until they are done. `restlessness` is how likely a step changes the actor."""

    def __init__(self, rng: random.Random, clock: SimulatedClock, restlessness: float) -> None:
        self.clock = clock
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self.steps = 0
        self.failure: BaseException | None = None
        self._rng = rng
        self._restlessness = restlessness
        self._hub = greenlet.getcurrent()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def spawn(self, name: str, run: Callable[[], None], home: object | None = None) -> Actor:
        """A new actor, which starts at one of the next steps."""
        actor = Actor(name, home)
        actor.wake = self.clock.seconds
        actor.greenlet = greenlet.greenlet(lambda: self._body(actor, run), parent=self._hub)
        self.actors.append(actor)
        return actor

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Does something at that time, between two steps."""
        heapq.heappush(self._events, (moment, next(self._numbers), action))

    def pause(self) -> None:
        """An interleaving point: time goes by, and perhaps somebody else runs first."""
        clock = self.clock
        clock.seconds += self._rng.random() * LONGEST_STEP
        if self._rng.random() >= self._restlessness and not self._is_event_due():
            return
        self._yield_until(clock.seconds)

    def sleep(self, seconds: float) -> None:
        """The actor rests; others run."""
        self._yield_until(self.clock.seconds + seconds)

    def kill(self, home: object) -> None:
        """Ends whatever runs in that home, at the point it is at."""
        for actor in [each for each in self.actors if each.home is home]:
            self._resume(actor, ProcessKilled())

    def run(self, done: Callable[[], bool], until: float) -> bool:
        """Steps until `done`; False when the time is over first."""
        while not done():
            if self.clock.seconds > until:
                return False
            self._step()
            if self.failure is not None:
                raise self.failure
        return True

    def close(self) -> None:
        """Ends all actors."""
        for actor in self.actors:
            actor.home = None
            actor.greenlet.throw(greenlet.GreenletExit)

    def _step(self) -> None:
        while self._is_event_due():
            heapq.heappop(self._events)[2]()
        now = self.clock.seconds
        ready = [actor for actor in self.actors if actor.wake <= now]
        if ready:
            self._resume(ready[int(self._rng.random() * len(ready))])
        else:
            self._skip_idle_time()

    def _skip_idle_time(self) -> None:
        moments = [actor.wake for actor in self.actors]
        moments += [self._events[0][0]] if self._events else []
        self.clock.seconds = min(moments) if moments else self.clock.seconds + 1.0

    def _is_event_due(self) -> bool:
        return bool(self._events) and self._events[0][0] <= self.clock.seconds

    def _yield_until(self, moment: float) -> None:
        if self.current is None:
            return
        self.current.wake = moment
        self._hub.switch()

    def _resume(self, actor: Actor, error: BaseException | None = None) -> None:
        self.steps += 1
        outer, self.current = self.current, actor
        try:
            if error is None:
                actor.greenlet.switch()
            elif actor.greenlet:
                actor.greenlet.throw(error)
            else:
                actor.alive = False
        finally:
            self.current = outer
        if actor.greenlet.dead or not actor.alive:
            self._forget(actor)

    def _forget(self, actor: Actor) -> None:
        if actor in self.actors:
            self.actors.remove(actor)

    def _body(self, actor: Actor, run: Callable[[], None]) -> None:
        try:
            run()
        except ProcessKilled:
            pass
        except Violation as violation:
            self.failure = self.failure or violation
        except Exception as exc:  # noqa: BLE001 any error that escapes is a finding
            self.failure = self.failure or _escaped(actor, exc)
        finally:
            actor.alive = False


def _escaped(actor: Actor, exc: Exception) -> Violation:
    violation = Violation("no undocumented error", f"{type(exc).__name__} in {actor.name}: {exc}")
    violation.__cause__ = exc
    return violation
