"""What a process does with its stores in the background, step by step; threads are not made here.

Each step returns the seconds until the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from adapters.fallback.ack_batcher import AckBatcher
from adapters.fallback.connection_monitor import ConnectionMonitor
from adapters.fallback.store_health import NOT_CONNECTED_YET
from adapters.fallback.store_monitor import StoreMonitor
from dinerapp.replication.errors import DinerError
from dinerapp.replication.follower_dispatcher import FollowerDispatcher
from dinerapp.replication.ports.connections import ConnectionState
from dinerapp.replication.relay import Relay
from dinerapp.replication.signals import follow_up_queued, remote_suspicion
from dinerapp.replication.version import StoreId

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
        self,
        probe: ConnectionMonitor,
        *,
        wake: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self.probe = probe
        self.wake = wake
        self._intervals = intervals or Intervals()
        self._retry = self._intervals.first_retry
        remote_suspicion.connect(self._check_now)

    def step(self) -> float:
        """One check."""
        self.probe.check()
        if self.probe.health.is_up:
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
        watches: Sequence[StoreMonitor],
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
        following: FollowerDispatcher,
        watches: Sequence[StoreMonitor],
        *,
        wake: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self._following = following
        self._watches = watches
        self._wake = wake
        self._intervals = intervals or Intervals()
        self._claims_at = 0.0
        follow_up_queued.connect(self._follow_now)

    def step(self) -> float:
        """After a moment: what is written in it is followed up together."""
        time.sleep(self._intervals.gather)
        followed = self._follow_here()
        if time.monotonic() >= self._claims_at:
            claimed = sum(done_at(watch, self._following.dispatch_from) for watch in self._watches)
            self._claims_at = 0.0 if claimed else time.monotonic() + self._intervals.follow
            followed += claimed
        return 0.0 if followed else self._intervals.follow

    def _follow_here(self) -> int:
        try:
            return self._following.dispatch_local()
        except DinerError as exc:
            _log.debug("work_interrupted", reason=str(exc))
            return 0

    def _follow_now(self, _sender: object, **_payload: Any) -> None:
        """Rather than at the next beat: this process has just written."""
        self._wake()


class Acknowledging:
    """Strikes delivered entries off the outbox."""

    def __init__(self, settler: AckBatcher, intervals: Intervals | None = None) -> None:
        self._settler = settler
        self._intervals = intervals or Intervals()

    def step(self) -> float:
        """What has gathered."""
        self._settler.flush()
        return self._intervals.acknowledge


def await_first_store(monitors: Sequence[Monitoring], seconds: float = FIRST_STORE_SECONDS) -> None:
    """Lets the first requests find a store, without insisting on it."""
    stores = [each for each in monitors if isinstance(each.probe, StoreMonitor)]
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {each.probe.health.state for each in stores}
        looked = all(each.probe.health.reason != NOT_CONNECTED_YET for each in stores)
        if looked and ConnectionState.UP in states and ConnectionState.CATCHING_UP not in states:
            return
        for each in monitors:
            # It checked before the other store answered, and need not wait to check again.
            if each.probe.health.state is ConnectionState.CATCHING_UP:
                each.wake()
        time.sleep(0.02)


def done_at(watch: StoreMonitor, work: Callable[[StoreId], int]) -> int:
    """How much of the work that has to do with a store was done, if it can be reached."""
    if not watch.health.is_reachable:
        return 0
    place = watch.store.database.store_id
    try:
        return work(place)
    except DinerError as exc:
        _log.debug("work_interrupted", at=place, reason=str(exc))
        return 0
