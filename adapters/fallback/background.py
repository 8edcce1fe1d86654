"""The background work of a process, as steps that periodic threads repeat.

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

IDLE_SECONDS = 3600.0
FIRST_STORE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between the steps of a process's background work.

    After a batch the relay pauses for `relay_pause_factor` times as long as the batch took if
    requests are being served, because both need the same interpreter.
    """

    check: float = 0.5
    min_backoff: float = 0.1
    max_backoff: float = 1.0
    relay: float = 0.25
    relay_pause_factor: float = 3.0
    follow: float = 1.0
    linger: float = 0.05
    acknowledge: float = 0.05


class MonitorLoop:
    """Checks one connection, more often while it is down, and at once when another process
    publishes a suspicion."""

    def __init__(
        self,
        monitor: ConnectionMonitor,
        *,
        wake: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self.monitor = monitor
        self.wake = wake
        self._intervals = intervals or Intervals()
        self._retry = self._intervals.min_backoff
        remote_suspicion.connect(self._check_now)

    def step(self) -> float:
        """Checks once."""
        self.monitor.check()
        if self.monitor.health.is_up:
            self._retry = self._intervals.min_backoff
            return self._intervals.check
        self._retry = min(self._retry * 2, self._intervals.max_backoff)
        return self._retry

    def _check_now(self, _sender: object, **_payload: Any) -> None:
        self.wake()


class RelayLoop:
    """Ships outbox entries between the stores, and yields to requests."""

    def __init__(
        self,
        relay: Relay,
        monitors: Sequence[StoreMonitor],
        *,
        is_busy: Callable[[], bool],
        wake_second: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self._relay = relay
        self._monitors = monitors
        self._is_busy = is_busy
        self._wake_second = wake_second
        self._intervals = intervals or Intervals()

    def step(self) -> float:
        """Ships one batch to each store."""
        started = time.monotonic()
        if not self._ship_batches():
            return self._intervals.relay
        if self._is_busy():
            return self._intervals.relay_pause_factor * (time.monotonic() - started)
        self._wake_second()
        return 0.0

    def second_step(self) -> float:
        """The same in a second thread, which keeps one database busy while the first thread waits
        for the other one."""
        return 0.0 if not self._is_busy() and self._ship_batches() else IDLE_SECONDS

    def _ship_batches(self) -> int:
        return sum(run_if_reachable(monitor, self._relay.ship_to) for monitor in self._monitors)


class FollowerLoop:
    """Dispatches records to followers: those written here at once, others when they are due."""

    def __init__(
        self,
        dispatcher: FollowerDispatcher,
        monitors: Sequence[StoreMonitor],
        *,
        wake: Callable[[], None],
        intervals: Intervals | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._monitors = monitors
        self._wake = wake
        self._intervals = intervals or Intervals()
        self._next_claim_at = 0.0
        follow_up_queued.connect(self._dispatch_now)

    def step(self) -> float:
        """Dispatches once, after a short wait in which more records can gather."""
        time.sleep(self._intervals.linger)
        dispatched = self._dispatch_local()
        if time.monotonic() >= self._next_claim_at:
            claimed = sum(
                run_if_reachable(monitor, self._dispatcher.dispatch_from)
                for monitor in self._monitors
            )
            self._next_claim_at = 0.0 if claimed else time.monotonic() + self._intervals.follow
            dispatched += claimed
        return 0.0 if dispatched else self._intervals.follow

    def _dispatch_local(self) -> int:
        try:
            return self._dispatcher.dispatch_local()
        except DinerError as exc:
            _log.debug("work_interrupted", reason=str(exc))
            return 0

    def _dispatch_now(self, _sender: object, **_payload: Any) -> None:
        """Ends the pause, because this process has just written something."""
        self._wake()


class AckLoop:
    """Acknowledges delivered outbox entries."""

    def __init__(self, batcher: AckBatcher, intervals: Intervals | None = None) -> None:
        self._batcher = batcher
        self._intervals = intervals or Intervals()

    def step(self) -> float:
        """Acknowledges what has gathered."""
        self._batcher.flush()
        return self._intervals.acknowledge


def await_first_store(loops: Sequence[MonitorLoop], seconds: float = FIRST_STORE_SECONDS) -> None:
    """Waits a limited time for a store to be up, so that the first requests find one."""
    store_loops = [loop for loop in loops if isinstance(loop.monitor, StoreMonitor)]
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        states = {loop.monitor.health.state for loop in store_loops}
        checked = all(loop.monitor.health.reason != NOT_CONNECTED_YET for loop in store_loops)
        if checked and ConnectionState.UP in states and ConnectionState.CATCHING_UP not in states:
            return
        for loop in loops:
            # It checked before the other store answered, and need not wait to check again.
            if loop.monitor.health.state is ConnectionState.CATCHING_UP:
                loop.wake()
        time.sleep(0.02)


def run_if_reachable(monitor: StoreMonitor, work: Callable[[StoreId], int]) -> int:
    """Runs the work for a store if it is reachable, and returns how many records it handled."""
    if not monitor.health.is_reachable:
        return 0
    store_id = monitor.store.database.store_id
    try:
        return work(store_id)
    except DinerError as exc:
        _log.debug("work_interrupted", at=store_id, reason=str(exc))
        return 0
