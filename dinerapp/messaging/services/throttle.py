"""What may be done now and then, but not all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock


class Seldom:
    """Once in so many seconds for each key, as this process counts."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._done: dict[Hashable, float] = {}
        self._lock = Lock()

    def allows(self, key: Hashable) -> bool:
        """Whether it is time again; then it counts as done."""
        now = self._clock()
        with self._lock:
            if key in self._done and now - self._done[key] < self._seconds:
                return False
            self._forget(now)
            self._done[key] = now
        return True

    def _forget(self, now: float) -> None:
        """The oldest come first: each is put at the end when it is done."""
        for key, done in list(self._done.items()):
            if now - done < self._seconds:
                return
            del self._done[key]
