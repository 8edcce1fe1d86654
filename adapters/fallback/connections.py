"""The named connections of a process: opened together, watched, and closed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from adapters.fallback.breaker import NOT_YET
from adapters.fallback.loops import Loop
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.fallback.watch import Watch
from dinerapp.replication.errors import DinerError
from dinerapp.replication.followers import Following
from dinerapp.replication.ports.connections import Connections, ConnectionStatus, State
from dinerapp.replication.relay import Relay
from dinerapp.replication.signals import absence_heard, follow_up_owed
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place

_log = structlog.get_logger(__name__)

UNTIL_WOKEN = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between the steps of a process's background work, and how long its ends may take.

    Between two batches the relay rests `give_way` times as long as the last one took, if there are
    requests to serve: both would need the same interpreter.
    """

    look: float = 0.5
    first_retry: float = 0.1
    longest_retry: float = 1.0
    relay: float = 0.25
    give_way: float = 3.0
    follow: float = 1.0
    gather: float = 0.05
    settle: float = 0.05
    start: float = 3.0
    stop: float = 5.0


@dataclass(frozen=True, slots=True)
class Named:
    """A connection as operators see it, with what looks after it."""

    engine: str
    role: str
    probe: Probe


class Companion(Protocol):
    """What lives as long as the connections and works in threads of its own."""

    def open(self) -> None: ...
    def close(self) -> None: ...


class NamedConnections(Connections):
    """One thread watches each connection; one strikes off what was delivered. With `at_work`, two
    ship debts and one shows records to their followers."""

    def __init__(
        self,
        named: Sequence[Named],
        *,
        relay: Relay,
        pairs: Sequence[Pair[Any]],
        settler: Settler,
        following: Following,
        at_work: bool = True,
        companions: Sequence[Companion] = (),
        pace: Pace | None = None,
    ) -> None:
        self._named = named
        self._relay = relay
        self._pairs = pairs
        self._settler = settler
        self._following = following
        self._at_work = at_work
        self._companions = companions
        self._pace = pace or Pace()
        self._loops: list[Loop] = []
        self._second_relay: Loop | None = None
        self._follower: Loop | None = None
        self._claiming_at = 0.0
        absence_heard.connect(self._look_now)
        follow_up_owed.connect(self._follow_now)

    def initialize_all(self) -> None:
        for one in self._named:
            one.probe.connection.open()
        self._loops = [self._watching(one) for one in self._named]
        self._loops.append(Loop("settler", self._settle))
        if self._at_work and self._pairs:
            self._second_relay = Loop("second-relay", self._ship_along)
            self._loops += [Loop("relay", self._ship), self._second_relay]
        if self._at_work and self._following.stores:
            self._follower = Loop("followers", self._follow)
            self._loops.append(self._follower)
        for loop in self._loops:
            loop.start()
        for companion in self._companions:
            companion.open()
        self._await_first_store()

    def close_all(self) -> None:
        for companion in self._companions:
            companion.close()
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.join(self._pace.stop)
        self._settler.flush()
        for one in self._named:
            one.probe.connection.close()
        self._loops = []

    def status(self) -> Sequence[ConnectionStatus]:
        return [self._status(one) for one in self._named]

    def counted_status(self) -> Sequence[ConnectionStatus]:
        return [self._counted(one) for one in self._named]

    def _await_first_store(self) -> None:
        """Lets the first requests find a store, without insisting on it."""
        stores = [one.probe for one in self._named if isinstance(one.probe, Watch)]
        give_up = time.monotonic() + self._pace.start
        while time.monotonic() < give_up:
            states = {probe.breaker.state for probe in stores}
            looked = all(probe.breaker.reason != NOT_YET for probe in stores)
            if looked and State.UP in states and State.CATCHING_UP not in states:
                return
            for one, loop in zip(self._named, self._loops, strict=False):
                # It looked before the other one answered, and need not wait to look again.
                if one.probe.breaker.state is State.CATCHING_UP:
                    loop.wake.set()
            time.sleep(0.02)

    def _watching(self, one: Named) -> Loop:
        retry = self._pace.first_retry

        def step() -> float:
            nonlocal retry
            one.probe.look()
            if one.probe.breaker.is_up:
                retry = self._pace.first_retry
                return self._pace.look
            retry = min(retry * 2, self._pace.longest_retry)
            return retry

        loop = Loop(f"watch-{one.probe.connection.name}", step)
        one.probe.breaker.on_lost = loop.wake.set
        return loop

    def _look_now(self, _sender: object, **_payload: Any) -> None:
        """Rather than at the next beat: what another process has just lost, this one should not
        go on using."""
        for loop in self._loops[: len(self._named)]:
            loop.wake.set()

    def _follow_now(self, _sender: object, **_payload: Any) -> None:
        """Rather than at the next beat: this process has just written."""
        _wake(self._follower)

    def _settle(self) -> float:
        self._settler.flush()
        return self._pace.settle

    def _ship(self) -> float:
        began = time.monotonic()
        if not self._ship_batches():
            return self._pace.relay
        if self.is_busy():
            return self._pace.give_way * (time.monotonic() - began)
        _wake(self._second_relay)
        return 0.0

    def _ship_along(self) -> float:
        """While the first one waits for one database, the second one makes the other one work."""
        return 0.0 if not self.is_busy() and self._ship_batches() else UNTIL_WOKEN

    def _ship_batches(self) -> int:
        return sum(self._ship_to(one.probe) for one in self._named)

    def _follow(self) -> float:
        """After a moment: what is written in it is followed up together."""
        time.sleep(self._pace.gather)
        followed = self._follow_here()
        if time.monotonic() >= self._claiming_at:
            claimed = sum(self._follow_at(one.probe) for one in self._named)
            self._claiming_at = 0.0 if claimed else time.monotonic() + self._pace.follow
            followed += claimed
        return 0.0 if followed else self._pace.follow

    def _follow_here(self) -> int:
        try:
            return self._following.follow_here()
        except DinerError as exc:
            _log.debug("work_interrupted", reason=str(exc))
            return 0

    def _ship_to(self, probe: Probe) -> int:
        return _done(self._relay.ship_to, probe)

    def _follow_at(self, probe: Probe) -> int:
        return _done(self._following.follow_at, probe)

    def _status(self, one: Named) -> ConnectionStatus:
        probe = one.probe
        return ConnectionStatus(
            name=probe.connection.name,
            engine=one.engine,
            role=one.role,
            state=probe.breaker.state,
            since=probe.breaker.since,
            reason=probe.breaker.reason,
            latency_ms=None if probe.latency is None else round(probe.latency * 1000, 3),
            pool=probe.connection.pool(),
        )

    def _counted(self, one: Named) -> ConnectionStatus:
        status, probe = self._status(one), one.probe
        if not isinstance(probe, Watch):
            return status
        place = probe.member.database.place
        if self._pairs and probe.other_is_reachable:
            with suppress(DinerError):
                owed = self._relay.backlog(place)
                status = replace(status, owed=owed.waiting, parked=owed.parked)
        if probe.breaker.is_reachable:
            with suppress(DinerError):
                due = self._following.backlog(place)
                status = replace(status, follow_ups=due.waiting, parked_follow_ups=due.parked)
        return status


def _wake(loop: Loop | None) -> None:
    if loop is not None:
        loop.wake.set()


def _done(work: Callable[[Place], int], probe: Probe) -> int:
    """How much of the work that has to do with a place was done, if it can be reached."""
    if not isinstance(probe, Watch) or not probe.breaker.is_reachable:
        return 0
    place = probe.member.database.place
    try:
        return work(place)
    except DinerError as exc:
        _log.debug("work_interrupted", at=place, reason=str(exc))
        return 0
