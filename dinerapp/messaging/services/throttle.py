"""What may be done now and then, but not all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock


class Throttle:
    """Once in so many seconds for each key, as this process counts."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last_times: dict[Hashable, float] = {}
        self._lock = Lock()

    def try_acquire(self, key: Hashable) -> bool:
        """Whether it is time again; then it counts as done."""
        now = self._clock()
        with self._lock:
            if key in self._last_times and now - self._last_times[key] < self._seconds:
                return False
            self._drop_expired(now)
            self._last_times[key] = now
        return True

    def _drop_expired(self, now: float) -> None:
        """The oldest come first: each is put at the end when it is done."""
        for key, done in list(self._last_times.items()):
            if now - done < self._seconds:
                return
            del self._last_times[key]
