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

PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Fresh(Generic[V]):
    """A value that was just made, and when it is over by itself."""

    value: V
    until: datetime


@dataclass(slots=True)
class _Place(Generic[V]):
    """Where a value stands, or will stand as soon as it is made."""

    made: threading.Event = field(default_factory=threading.Event)
    fresh: Fresh[V] | None = None
    error: Exception | None = None

    def is_over(self, now: datetime) -> bool:
        return self.fresh is not None and now >= self.fresh.until

    def taken(self) -> V:
        if not self.made.wait(deadline.remaining(PATIENCE)):
            raise NoStoreAvailable("it takes too long to prepare the answer")
        if self.fresh is None:
            raise self.error or NoStoreAvailable("the answer could not be prepared")
        return self.fresh.value


class Shelf(Generic[V]):
    """One thread makes a value while the others that want it wait for it.

    Whoever comes after `clear` never gets what was begun before it: the place that is being
    filled is taken off the shelf, and the next one who asks begins anew.
    """

    def __init__(self, room: int = 64, now: Callable[[], datetime] = utc_now) -> None:
        self._room = room
        self._now = now
        self._lock = threading.Lock()
        self._places: dict[Hashable, _Place[V]] = {}

    def get(self, key: Hashable, make: Callable[[], Fresh[V]]) -> V:
        """The value under the key. An error of `make` is that of all who wait, and is not kept."""
        with self._lock:
            place = self._places.get(key)
            is_mine = place is None or place.is_over(self._now())
            if place is None or is_mine:
                place = self._new_place(key)
        if is_mine:
            self._fill(key, place, make)
        return place.taken()

    def clear(self) -> None:
        """Something has changed: nothing that was made or begun until now is given out again."""
        with self._lock:
            self._places = {}

    def _new_place(self, key: Hashable) -> _Place[V]:
        self._places.pop(key, None)
        if len(self._places) >= self._room:
            del self._places[next(iter(self._places))]
        return self._places.setdefault(key, _Place())

    def _fill(self, key: Hashable, place: _Place[V], make: Callable[[], Fresh[V]]) -> None:
        try:
            place.fresh = make()
        except Exception as exc:  # noqa: BLE001 it is raised to all who wait
            place.error = exc
        finally:
            if place.fresh is None:
                self._forget(key, place)
            place.made.set()

    def _forget(self, key: Hashable, place: _Place[V]) -> None:
        with self._lock:
            if self._places.get(key) is place:
                del self._places[key]
