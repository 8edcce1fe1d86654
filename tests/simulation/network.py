"""What lies between a process and the two servers, and everything that goes wrong there."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dinerapp.replication import deadline
from dinerapp.replication.errors import OutcomeUnknown, Rejection, StoreUnavailable
from dinerapp.replication.ports.replica import Backlog
from dinerapp.replication.version import StoreId
from tests.simulation.history import EventLog
from tests.simulation.scheduler import ProcessKilled, Scheduler

T = TypeVar("T")

CALL_TIMEOUT_SECONDS = 0.45
MAX_DELAY_SECONDS = 2.0
DELAYS = (0.0, 0.0, 0.005, 0.02, 0.1)


@dataclass(frozen=True)
class FaultRates:
    """How often a single call goes wrong although the server is there."""

    refused: float = 0.0
    lost_request: float = 0.0
    lost_reply: float = 0.0
    late: float = 0.0
    slow: float = 0.0
    delayed_reply: float = 0.3


NO_FAULTS = FaultRates()


@dataclass
class Network:
    """Calls to the servers go through here; each is an interleaving point, or two."""

    scheduler: Scheduler
    rng: random.Random
    history: EventLog
    fault_rates: FaultRates = NO_FAULTS
    down: set[StoreId] = field(default_factory=set)
    frozen: set[StoreId] = field(default_factory=set)
    cut: set[tuple[str, StoreId]] = field(default_factory=set)
    calls_in_flight: int = 0
    _starts: dict[StoreId, int] = field(default_factory=dict)

    def call(
        self, link: tuple[str, StoreId], name: str, apply: Callable[[], T], *, writes: bool
    ) -> T:
        """The answer of the server, or a failure of the store as an adapter would raise it."""
        place = link[1]
        self._depart(place, apply, writes=writes)
        if place in self.down:
            self.history.note("%s.%s -> refused", place, name)
            raise StoreUnavailable(place, "connection refused")
        if link in self.cut or place in self.frozen:
            self._time_out(link, name, apply, writes=writes)
        self._roll_fault(place, name, apply, writes=writes)
        answer = self._applied(place, name, apply)
        self._return(place, name, writes=writes)
        return answer

    def reaches(self, link: tuple[str, StoreId]) -> bool:
        """Whether a process can talk to a server now."""
        return link not in self.cut and link[1] not in self.down | self.frozen

    def crash(self, store_id: StoreId) -> None:
        """The server is gone, and with it everything that was still on its way to it."""
        self.down.add(store_id)
        self._starts[store_id] = self._starts.get(store_id, 0) + 1

    def heal(self) -> None:
        """The network and the servers work from now on."""
        self.down.clear()
        self.frozen.clear()
        self.cut.clear()
        self.fault_rates = NO_FAULTS

    def _depart(self, store_id: StoreId, apply: Callable[[], Any], *, writes: bool) -> None:
        try:
            self.scheduler.pause()
        except ProcessKilled:
            if writes and self.rng.random() < 0.3:
                self._apply_late(store_id, apply)
            raise

    def _time_out(
        self, link: tuple[str, StoreId], name: str, apply: Callable[[], Any], *, writes: bool
    ) -> None:
        place = link[1]
        stuck = writes and place in self.frozen and self.rng.random() < 0.7
        if stuck:
            self._apply_late(place, apply)
        self.scheduler.sleep(min(CALL_TIMEOUT_SECONDS, deadline.remaining(CALL_TIMEOUT_SECONDS)))
        unknown = stuck or (writes and self.rng.random() < 0.8)
        self._fail(place, name, "timed out", unknown=unknown)

    def _roll_fault(
        self, store_id: StoreId, name: str, apply: Callable[[], Any], *, writes: bool
    ) -> None:
        weather, draw = self.fault_rates, self.rng.random()
        if weather is NO_FAULTS:
            return
        if draw < weather.refused:
            self._fail(store_id, name, "connection refused", unknown=False)
        draw -= weather.refused
        if draw < weather.lost_request:
            self._fail(store_id, name, "request lost", unknown=writes)
        draw -= weather.lost_request
        if writes and draw < weather.late:
            self._apply_late(store_id, apply)
            self._fail(store_id, name, "late", unknown=True)
        draw -= weather.late
        if draw < weather.slow:
            self.scheduler.sleep(self.rng.uniform(0.05, 0.44))

    def _applied(self, store_id: StoreId, name: str, apply: Callable[[], T]) -> T:
        try:
            answer = apply()
        except Rejection as rejection:
            self.history.note("%s.%s -> %s", store_id, name, type(rejection).__name__)
            raise
        if not _is_routine(name, answer):
            self.history.note("%s.%s -> %s", store_id, name, answer)
        return answer

    def _return(self, store_id: StoreId, name: str, *, writes: bool) -> None:
        starts = self._starts.get(store_id)
        if self.rng.random() < self.fault_rates.delayed_reply:
            self.scheduler.sleep(self.rng.choice(DELAYS))
        if self.rng.random() < self.fault_rates.lost_reply or self._starts.get(store_id) != starts:
            self._fail(store_id, name, "reply lost", unknown=writes)

    def _fail(self, store_id: StoreId, name: str, reason: str, *, unknown: bool) -> None:
        error = OutcomeUnknown if unknown else StoreUnavailable
        self.history.note("%s.%s -> %s (%s)", store_id, name, error.__name__, reason)
        raise error(store_id, reason)

    def _apply_late(self, store_id: StoreId, apply: Callable[[], Any]) -> None:
        """The request sits in a buffer and is carried out whenever the server gets to it."""
        starts = self._starts.get(store_id)
        self.calls_in_flight += 1

        def arrive() -> None:
            if store_id in self.frozen:
                self._soon(arrive)
                return
            self.calls_in_flight -= 1
            if store_id in self.down or self._starts.get(store_id) != starts:
                return
            try:
                self.history.note("%s carries out late: %s", store_id, apply())
            except Rejection as rejection:
                self.history.note("%s refuses late: %s", store_id, type(rejection).__name__)

        self._soon(arrive)

    def _soon(self, arrive: Callable[[], None]) -> None:
        moment = self.scheduler.clock.seconds + self.rng.random() * MAX_DELAY_SECONDS
        self.scheduler.at(moment, arrive)


def _is_routine(name: str, answer: Any) -> bool:
    """What a background loop asks all the time, when there is nothing to tell."""
    what = name.rpartition(".")[2]
    return what in ("ping", "prepare") or (
        what in ("suspicions", "claim", "backlog") and answer in ([], Backlog())
    )
