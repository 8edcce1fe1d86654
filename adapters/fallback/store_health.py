"""The health of one store as this process sees it: up, down, or catching up.

Only store failures and slow calls change it; a rejected value never does. No lock is held while a
store is called.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from dinerapp.replication.ports.connections import ConnectionState
from dinerapp.replication.ports.observer import Observer
from dinerapp.replication.record import utc_now
from dinerapp.replication.signals import (
    announce,
    connection_behind,
    connection_lost,
    connection_restored,
    connection_slow,
)

_log = structlog.get_logger(__name__)

NOT_CONNECTED_YET = "not connected yet"


@dataclass(frozen=True, slots=True)
class SlowCallPolicy:
    """A store is down when `max_slow_ratio` of its latest `window` calls took longer than
    `threshold_seconds`."""

    threshold_seconds: float = 0.3
    window: int = 20
    max_slow_ratio: float = 0.5


def _do_nothing() -> None:
    """The default callback."""


class StoreHealth:
    """`up → down → catching_up → up`, with an epoch that counts the times it started to catch up.

    `name` is the connection's name; `on_lost` is called when the store goes down.
    """

    def __init__(
        self,
        name: str,
        *,
        slow_calls: SlowCallPolicy | None = None,
        observer: Observer | None = None,
        on_lost: Callable[[], None] = _do_nothing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.name = name
        self.state = ConnectionState.DOWN
        self.reason = NOT_CONNECTED_YET
        self.slow_calls = slow_calls or SlowCallPolicy()
        self._on_lost = on_lost
        self._now = now
        self.since = self.down_since = self.reachable_since = now()
        self._observer = observer or Observer()
        self._lock = threading.Lock()
        self._epoch = 0
        self._recent_slow: deque[bool] = deque(maxlen=self.slow_calls.window)

    @property
    def is_up(self) -> bool:
        return self.state is ConnectionState.UP

    @property
    def epoch(self) -> int | None:
        """None unless up. If it is the same at two times, the store was up all the time between."""
        return self._epoch if self.is_up else None

    @property
    def preference(self) -> tuple[bool, float]:
        """A sort key, best first: stores that are up, then the one that has been reachable for
        longest, because the one that returned last lacks most."""
        return (False, 0.0) if self.is_up else (True, self.reachable_since.timestamp())

    @property
    def is_reachable(self) -> bool:
        """Whether deliveries are worth trying."""
        return self.state is not ConnectionState.DOWN

    def trip(self, reason: str) -> None:
        """Marks the store as down because it did not answer."""
        with self._lock:
            previous = self.state
            if previous is ConnectionState.DOWN and self.reason != NOT_CONNECTED_YET:
                return
            if previous is ConnectionState.UP:
                self.down_since = self._now()
            self._transition(ConnectionState.DOWN, reason)
        self._on_lost()
        announce(connection_lost, self, store=self.name, reason=reason)

    def record_latency(self, seconds: float) -> None:
        """Records the latency of a call; too many slow ones mark the store as down."""
        self._recent_slow.append(seconds > self.slow_calls.threshold_seconds)
        slow = sum(self._recent_slow)
        if self.is_up and slow >= self.slow_calls.window * self.slow_calls.max_slow_ratio:
            announce(connection_slow, self, store=self.name, seconds=seconds)
            self.trip(f"{slow} of the latest {len(self._recent_slow)} calls were slow")

    def start_catch_up(self, reason: str) -> int:
        """The store answers again but may lack writes; returns the epoch of this attempt."""
        with self._lock:
            was_up = self.is_up
            if was_up:
                self.down_since = self._now()
            self._epoch += 1
            self._transition(ConnectionState.CATCHING_UP, reason)
            attempt = self._epoch
        _log.debug("store_catching_up", store=self.name, reason=reason)
        if was_up:
            announce(connection_behind, self, store=self.name)
        return attempt

    def finish_catch_up(self, epoch: int) -> bool:
        """The store has received everything; False if it was lost since that attempt started."""
        with self._lock:
            if self.state is not ConnectionState.CATCHING_UP or epoch != self._epoch:
                return False
            self._recent_slow.clear()
            self._transition(ConnectionState.UP, "")
        seconds = (self._now() - self.down_since).total_seconds()
        announce(connection_restored, self, store=self.name, seconds=seconds)
        return True

    def _transition(self, state: ConnectionState, reason: str) -> None:
        now = self._now()
        if self.state is ConnectionState.DOWN:
            self.reachable_since = now
        self.state, self.reason, self.since = state, reason, now
        self._observer.state_changed(self.name, state)
