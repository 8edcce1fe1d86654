"""What may be done now and then, but not all the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock

from cachetools import TTLCache

MAX_KEYS = 100_000


class Throttle:
    """Once in so many seconds for each key, as this process counts.

    Where there are more keys than it remembers, the one that was longest ago may come early.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._recent = TTLCache[Hashable, None](MAX_KEYS, seconds, clock)
        self._lock = Lock()

    def try_acquire(self, key: Hashable) -> bool:
        """Whether it is time again; then it counts as done."""
        with self._lock:
            if key in self._recent:
                return False
            self._recent[key] = None
            return True
