"""Throttling of what clients may repeat too often."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock

from cachetools import TTLCache

MAX_KEYS = 100_000


class Throttle:
    """Allows something once in so many seconds for each key, within this process.

    If there are more keys than it remembers, the key used least recently may be allowed early.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._recent = TTLCache[Hashable, None](MAX_KEYS, seconds, clock)
        self._lock = Lock()

    def try_acquire(self, key: Hashable) -> bool:
        """Whether it is allowed now; if so, the interval starts again."""
        with self._lock:
            if key in self._recent:
                return False
            self._recent[key] = None
            return True
