"""A cache of values that are expensive to compute: computed by one thread for all that wait."""

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
    """A value that was just computed, and when it expires."""

    value: V
    expires_at: datetime


@dataclass(slots=True)
class _Slot(Generic[V]):
    """The entry of a value that has been or is being computed."""

    ready: threading.Event = field(default_factory=threading.Event)
    cached: CachedValue[V] | None = None
    error: Exception | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.cached is not None and now >= self.cached.expires_at

    def wait(self) -> V:
        if not self.ready.wait(deadline.remaining(TIMEOUT_SECONDS)):
            raise NoStoreAvailable("computing the cached value takes too long")
        if self.cached is None:
            raise self.error or NoStoreAvailable("the cached value could not be computed")
        return self.cached.value


class SingleFlightCache(Generic[V]):
    """While one thread computes a value, others that need it wait for it.

    A call after `clear` never returns a value whose computation started before: the slot that is
    being filled is dropped, and the next caller computes the value again.
    """

    def __init__(self, max_entries: int = 64, now: Callable[[], datetime] = utc_now) -> None:
        self._max_entries = max_entries
        self._now = now
        self._lock = threading.Lock()
        self._slots: dict[Hashable, _Slot[V]] = {}

    def get(self, key: Hashable, load: Callable[[], CachedValue[V]]) -> V:
        """The value for the key. An error in the computation is raised to all who wait, and not
        cached."""
        with self._lock:
            slot = self._slots.get(key)
            is_mine = slot is None or slot.is_expired(self._now())
            if slot is None or is_mine:
                slot = self._new_slot(key)
        if is_mine:
            self._fill(key, slot, load)
        return slot.wait()

    def clear(self) -> None:
        """Drops all values, including those that are being computed."""
        with self._lock:
            self._slots = {}

    def _new_slot(self, key: Hashable) -> _Slot[V]:
        self._slots.pop(key, None)
        if len(self._slots) >= self._max_entries:
            del self._slots[next(iter(self._slots))]
        return self._slots.setdefault(key, _Slot())

    def _fill(self, key: Hashable, slot: _Slot[V], load: Callable[[], CachedValue[V]]) -> None:
        try:
            slot.cached = load()
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
