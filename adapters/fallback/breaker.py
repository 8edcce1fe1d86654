"""What this process thinks of one store: up, down, or catching up.

Only store failures and slowness change it; a rejected value never does. No lock is held while a
store is called.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from dinerapp.replication.ports.connections import State
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

NOT_YET = "not connected yet"


@dataclass(frozen=True, slots=True)
class SlowCalls:
    """A store is left when `share` of its latest `window` calls took over `after` seconds."""

    after: float = 0.3
    window: int = 20
    share: float = 0.5


def _nobody() -> None:
    """Wakes nobody."""


class Breaker:
    """`up → down → catching_up → up`, with a number that tells one catching-up from the next.

    `place` is the connection's name; `on_lost` is called when the store goes down.
    """

    def __init__(
        self,
        place: str,
        *,
        slow: SlowCalls | None = None,
        observer: Observer | None = None,
        on_lost: Callable[[], None] = _nobody,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.place = place
        self.state = State.DOWN
        self.reason = NOT_YET
        self.slow = slow or SlowCalls()
        self._on_lost = on_lost
        self._now = now
        self.since = self.down_since = self.back_since = now()
        self._observer = observer or Observer()
        self._lock = threading.Lock()
        self._attempt = 0
        self._durations: deque[bool] = deque(maxlen=self.slow.window)

    @property
    def is_up(self) -> bool:
        return self.state is State.UP

    @property
    def standing(self) -> int | None:
        """None unless up. The same at two moments: up all the time between them."""
        return self._attempt if self.is_up else None

    @property
    def reluctance(self) -> tuple[bool, float]:
        """Sorts stores by how much they are to be asked: nothing speaks against one that is up.
        Of others the one that was away last lacks most, though both may be catching up."""
        return (False, 0.0) if self.is_up else (True, self.back_since.timestamp())

    @property
    def is_reachable(self) -> bool:
        """Whether deliveries are worth trying."""
        return self.state is not State.DOWN

    def failed(self, reason: str) -> None:
        """The store did not answer: it is down from now on."""
        with self._lock:
            was = self.state
            if was is State.DOWN and self.reason != NOT_YET:
                return
            if was is State.UP:
                self.down_since = self._now()
            self._move(State.DOWN, reason)
        self._on_lost()
        announce(connection_lost, self, place=self.place, reason=reason)

    def took(self, seconds: float) -> None:
        """A call was answered; too many slow answers are as bad as none."""
        self._durations.append(seconds > self.slow.after)
        slow = sum(self._durations)
        if self.is_up and slow >= self.slow.window * self.slow.share:
            announce(connection_slow, self, place=self.place, seconds=seconds)
            self.failed(f"{slow} of the latest {len(self._durations)} calls were slow")

    def catch_up(self, reason: str) -> int:
        """The store answers again but may have missed something; returns this attempt's number."""
        with self._lock:
            was_up = self.is_up
            if was_up:
                self.down_since = self._now()
            self._attempt += 1
            self._move(State.CATCHING_UP, reason)
            attempt = self._attempt
        _log.debug("store_catching_up", store=self.place, reason=reason)
        if was_up:
            announce(connection_behind, self, place=self.place)
        return attempt

    def caught_up(self, attempt: int) -> bool:
        """The store has received everything, unless it was lost again since that attempt began."""
        with self._lock:
            if self.state is not State.CATCHING_UP or attempt != self._attempt:
                return False
            self._durations.clear()
            self._move(State.UP, "")
        seconds = (self._now() - self.down_since).total_seconds()
        announce(connection_restored, self, place=self.place, seconds=seconds)
        return True

    def _move(self, state: State, reason: str) -> None:
        now = self._now()
        if self.state is State.DOWN:
            self.back_since = now
        self.state, self.reason, self.since = state, reason, now
        self._observer.state_changed(self.place, state)
