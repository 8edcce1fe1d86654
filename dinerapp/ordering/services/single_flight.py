"""Values that take time to make: made once for everybody, and anew when something has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from dinerapp.replication import deadline
from dinerapp.replication.errors import NoStoreAvailable
from dinerapp.replication.record import utc_now

V = TypeVar("V")

TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CachedValue(Generic[V]):
    """A value that was just made, and when it is over by itself."""

    value: V
    until: datetime


@dataclass(slots=True)
class _Slot(Generic[V]):
    """Where a value stands, or will stand as soon as it is made."""

    ready: threading.Event = field(default_factory=threading.Event)
    cached: CachedValue[V] | None = None
    error: Exception | None = None

    def is_over(self, now: datetime) -> bool:
        return self.cached is not None and now >= self.cached.until

    def wait(self) -> V:
        if not self.ready.wait(deadline.remaining(TIMEOUT_SECONDS)):
            raise NoStoreAvailable("preparing the answer takes too long")
        if self.cached is None:
            raise self.error or NoStoreAvailable("the answer could not be prepared")
        return self.cached.value


class SingleFlightCache(Generic[V]):
    """One thread makes a value while the others that want it wait for it.

    Whoever calls after `clear` never gets a value that was begun before it: the slot that is being
    filled is dropped from the cache, and the next caller makes the value again.
    """

    def __init__(self, max_entries: int = 64, now: Callable[[], datetime] = utc_now) -> None:
        self._max_entries = max_entries
        self._now = now
        self._lock = threading.Lock()
        self._slots: dict[Hashable, _Slot[V]] = {}

    def get(self, key: Hashable, make: Callable[[], CachedValue[V]]) -> V:
        """The value under the key. All who wait get an error of `make`, which is not cached."""
        with self._lock:
            slot = self._slots.get(key)
            is_mine = slot is None or slot.is_over(self._now())
            if slot is None or is_mine:
                slot = self._new_slot(key)
        if is_mine:
            self._fill(key, slot, make)
        return slot.wait()

    def clear(self) -> None:
        """Drops every value, also those being made: something has changed."""
        with self._lock:
            self._slots = {}

    def _new_slot(self, key: Hashable) -> _Slot[V]:
        self._slots.pop(key, None)
        if len(self._slots) >= self._max_entries:
            del self._slots[next(iter(self._slots))]
        return self._slots.setdefault(key, _Slot())

    def _fill(self, key: Hashable, slot: _Slot[V], make: Callable[[], CachedValue[V]]) -> None:
        try:
            slot.cached = make()
        except Exception as exc:  # noqa: BLE001 it is raised to all who wait
            slot.error = exc
        finally:
            if slot.cached is None:
                self._forget(key, slot)
            slot.ready.set()

    def _forget(self, key: Hashable, slot: _Slot[V]) -> None:
        with self._lock:
            if self._slots.get(key) is slot:
                del self._slots[key]
