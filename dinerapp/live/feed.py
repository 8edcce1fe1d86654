"""Records as they change, for whoever watches: one reader per process, any number of streams.

The records are the truth. News of a change, from here or from another process, only says what to
read; and every few seconds everything that changed lately is read, whatever news there was.
"""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from dinerapp.live.signals import bus_gap
from dinerapp.replication import deadline
from dinerapp.replication.errors import DinerError, NoStoreAvailable
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.signals import connection_restored

R = TypeVar("R", bound=Record)

OVERLAP = timedelta(seconds=10)
"""What is committed this late, or by a host whose clock is this slow, is still found."""
LONGEST_RETURN = timedelta(hours=1)
EVERY = 2.0
RETRY = 1.0
GATHER = 0.05
PATIENCE = 2.0
AT_ONCE = 500
MOST_WAITING = 5000
MOST_MISSED = 1000
MOST_KNOWN = 20_000


class TooManyStreams(NoStoreAvailable):
    """This process has as many open streams as it can bear."""


class Overtaken(DinerError):
    """More has changed than a stream can catch up with; a list is the better question."""


class Seats:
    """How many streams this process serves at a time, whatever they are of, and whether all of them
    must end now, because the process does."""

    def __init__(self, most: int, must_end: Callable[[], bool] = lambda: False) -> None:
        self.must_end = must_end
        self._most = most
        self._taken = 0
        self._lock = Lock()

    def take(self) -> None:
        """One more; TooManyStreams where there is no room for it."""
        with self._lock:
            if self._taken >= self._most:
                raise TooManyStreams(
                    f"this process serves {self._most} streams at most; try again, "
                    "or raise WEB_STREAMS",
                    retry_after=5,
                )
            self._taken += 1

    def leave(self) -> None:
        """Makes room for another one."""
        with self._lock:
            self._taken -= 1


class Stream(Generic[R]):
    """What one watcher has yet to be sent. Every state of a record comes once, and none after a
    later one."""

    def __init__(self, feed: Feed[R]) -> None:
        self._feed = feed
        self._waiting: queue.Queue[Any] = queue.Queue(MOST_WAITING)
        self._known: dict[str, int] = {}
        self._is_closed = False
        self._offering = Lock()

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended: the process does, or the watcher is too slow for it."""
        return self._is_closed or self._feed.is_over

    def close(self) -> None:
        """Makes room for another one."""
        self._is_closed = True
        self._feed.leave(self)

    def offer(self, records: Iterable[R]) -> None:
        """Takes what it has not had yet."""
        with self._offering:
            for record in records:
                self._take(record)

    def _next(self, seconds: float) -> Any:
        """What waits longest, if anything does within so many seconds."""
        try:
            return self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None

    def _take(self, record: R) -> None:
        """Of two states at one revision, which were made apart, the merged one is yet to come."""
        if self._known.get(record.id, 0) >= record.version.revision:
            return
        self._remember(record)
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.close()

    def _remember(self, record: R) -> None:
        self._known.pop(record.id, None)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[record.id] = record.version.revision


class Feed(ABC, Generic[R]):
    """Reads changed records for all streams of this process, while there are any.

    `step` is one reading and has no thread of its own; `wake` is called when it is worth one.
    """

    def __init__(
        self,
        seats: Seats,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._wake = wake
        self._seats = seats
        self._now = now
        self._lock = Lock()
        self._streams: Sequence[Stream[R]] = ()
        self._news: set[str] = set()
        self._latest: datetime | None = None
        self._back = timedelta()
        self._read_at = now()
        self._is_closed = False
        connection_restored.connect(self._restored)
        bus_gap.connect(self._missed_news)

    @abstractmethod
    def _get(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """The records there are news of, as they are now."""

    @abstractmethod
    def _changed_since(self, place: ChangeCursor, limit: int) -> Sequence[R]:
        """The next ones that changed, of all that any stream may want."""

    @property
    def is_over(self) -> bool:
        """Whether the process is about to end."""
        return self._is_closed or self._seats.must_end()

    def open(self) -> None:
        """Streams may be opened."""
        self._is_closed = False

    def close(self) -> None:
        """Ends every stream."""
        self._is_closed = True

    def leave(self, stream: Stream[R]) -> None:
        """Forgets a stream."""
        with self._lock:
            others = [each for each in self._streams if each is not stream]
            was_there = len(others) < len(self._streams)
            self._streams = others
        if was_there:
            self._seats.leave()

    def step(self) -> float:
        """One reading for all streams; returns the seconds until the next."""
        news = self._take_news()
        if not self._streams:
            self._latest, self._back = None, timedelta()
            return EVERY
        try:
            with deadline.within(PATIENCE):
                found = self._read(news)
        except DinerError:
            self._note(*news)
            return RETRY
        for stream in self._streams:
            stream.offer(found)
        return EVERY

    def _enter(self, stream: Stream[R]) -> None:
        self._seats.take()
        with self._lock:
            if not self._streams:
                self._latest = None
            self._streams = [*self._streams, stream]

    def _read(self, news: Collection[str]) -> list[R]:
        found = list(self._get(news).values()) if news else []
        now = self._now()
        if self._latest is None or (now - self._read_at).total_seconds() >= EVERY / 2:
            self._read_at = now
            found += self._changed_lately(now)
        return sorted(found, key=lambda record: (record.updated_at, record.id))

    def _changed_lately(self, now: datetime) -> list[R]:
        back, latest = self._back, min(self._latest or now, now)
        place, found = ChangeCursor(latest - back - OVERLAP), list[R]()
        while True:
            page = self._changed_since(place, AT_ONCE)
            found += page
            if len(page) < AT_ONCE:
                break
            place = ChangeCursor(page[-1].updated_at, page[-1].id)
        self._latest = max(latest, found[-1].updated_at) if found else latest
        if self._back is back:
            self._back = timedelta()
        return found

    def _take_news(self) -> set[str]:
        """What came in within a moment is read together."""
        if self._news:
            time.sleep(GATHER)
        with self._lock:
            news, self._news = self._news, set()
        return news

    def _note(self, *record_ids: str) -> None:
        if not self._streams:
            return
        with self._lock:
            self._news.update(record_ids)

    def _missed_news(self, _sender: object, **_payload: Any) -> None:
        self._wake()

    def _restored(self, _sender: object, seconds: float, **_payload: Any) -> None:
        """What was accepted elsewhere meanwhile arrives now, with the times it had then."""
        if self._streams:
            self._back = max(self._back, min(timedelta(seconds=seconds), LONGEST_RETURN))
            self._wake()
