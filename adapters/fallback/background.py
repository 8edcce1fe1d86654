"""What a process does with its stores in the background, step by step; threads are not made here.

Each step returns the seconds until the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.fallback.breaker import NOT_YET
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.fallback.watch import Watch
from dinerapp.replication.errors import DinerError
from dinerapp.replication.followers import Following
from dinerapp.replication.ports.connections import State
from dinerapp.replication.relay import Relay
from dinerapp.replication.signals import absence_heard, follow_up_owed
from dinerapp.replication.version import Place

_log = structlog.get_logger(__name__)

UNTIL_WOKEN = 3600.0
FIRST_STORE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between the steps of a process's background work.

    Between two batches the relay rests `give_way` times as long as the last one took, if there are
    requests to serve: both would need the same interpreter.
    """

    check: float = 0.5
    first_retry: float = 0.1
    longest_retry: float = 1.0
    relay: float = 0.25
    give_way: float = 3.0
    follow: float = 1.0
    gather: float = 0.05
    acknowledge: float = 0.05


class Monitoring:
    """Checks one connection, more often while it is away, and at once when another process says
    that it has lost it."""

    def __init__(
        self, probe: Probe, *, wake: Callable[[], None], intervals: Intervals | None = None
    ) -> None:
        self.probe = probe
        self.wake = wake
        self._intervals = intervals or Intervals()
        self._retry = self._intervals.first_retry
        absence_heard.connect(self._check_now)

    def step(self) -> float:
        """One check."""
        self.probe.look()
        if self.probe.breaker.is_up:
            self._retry = self._intervals.first_retry
            return self._intervals.check
        self._retry = min(self._retry * 2, self._intervals.longest_retry)
        return self._retry

    def _check_now(self, _sender: object, **_payload: Any) -> None:
        self.wake()


class Shipping:
    """Ships what the stores owe one another, and gives way to requests."""

    def __init__(
        self,
        relay: Relay,
        watches: Sequence[Watch],
        *,
        is_busy: Callable[[], bool],
        wake_second: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self._relay = relay
        self._watches = watches
        self._is_busy = is_busy
        self._wake_second = wake_second
        self._intervals = intervals or Intervals()

    def step(self) -> float:
        """One batch to each store."""
        began = time.monotonic()
        if not self._ship_batches():
            return self._intervals.relay
        if self._is_busy():
            return self._intervals.give_way * (time.monotonic() - began)
        self._wake_second()
        return 0.0

    def second_step(self) -> float:
        """The same in a second thread: while the first one waits for one database, this one makes
        the other one work."""
        return 0.0 if not self._is_busy() and self._ship_batches() else UNTIL_WOKEN

    def _ship_batches(self) -> int:
        return sum(done_at(watch, self._relay.ship_to) for watch in self._watches)


class FollowingUp:
    """Shows records to their followers: those written here at once, others when they are due."""

    def __init__(
        self,
        following: Following,
        watches: Sequence[Watch],
        *,
        wake: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self._following = following
        self._watches = watches
        self._wake = wake
        self._intervals = intervals or Intervals()
        self._claims_at = 0.0
        follow_up_owed.connect(self._follow_now)

    def step(self) -> float:
        """After a moment: what is written in it is followed up together."""
        time.sleep(self._intervals.gather)
        followed = self._follow_here()
        if time.monotonic() >= self._claims_at:
            claimed = sum(done_at(watch, self._following.follow_at) for watch in self._watches)
            self._claims_at = 0.0 if claimed else time.monotonic() + self._intervals.follow
            followed += claimed
        return 0.0 if followed else self._intervals.follow

    def _follow_here(self) -> int:
        try:
            return self._following.follow_here()
        except DinerError as exc:
            _log.debug("work_interrupted", reason=str(exc))
            return 0

    def _follow_now(self, _sender: object, **_payload: Any) -> None:
        """Rather than at the next beat: this process has just written."""
        self._wake()


class Acknowledging:
    """Strikes delivered entries off the outbox."""

    def __init__(self, settler: Settler, intervals: Intervals | None = None) -> None:
        self._settler = settler
        self._intervals = intervals or Intervals()

    def step(self) -> float:
        """What has gathered."""
        self._settler.flush()
        return self._intervals.acknowledge


def await_first_store(monitors: Sequence[Monitoring], seconds: float = FIRST_STORE_SECONDS) -> None:
    """Lets the first requests find a store, without insisting on it."""
    stores = [each for each in monitors if isinstance(each.probe, Watch)]
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {each.probe.breaker.state for each in stores}
        looked = all(each.probe.breaker.reason != NOT_YET for each in stores)
        if looked and State.UP in states and State.CATCHING_UP not in states:
            return
        for each in monitors:
            # It checked before the other store answered, and need not wait to check again.
            if each.probe.breaker.state is State.CATCHING_UP:
                each.wake()
        time.sleep(0.02)


def done_at(watch: Watch, work: Callable[[Place], int]) -> int:
    """How much of the work that has to do with a store was done, if it can be reached."""
    if not watch.breaker.is_reachable:
        return 0
    place = watch.member.database.place
    try:
        return work(place)
    except DinerError as exc:
        _log.debug("work_interrupted", at=place, reason=str(exc))
        return 0
