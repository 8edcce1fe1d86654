"""Streams records as they change: one reader per process, any number of streams.

The records are the truth. Signals of changes, from here or from another process, only say what to
read; and every few seconds everything that changed lately is read, with or without signals.
"""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from cachetools import LRUCache

from dinerapp.live.signals import bus_gap
from dinerapp.replication import deadline
from dinerapp.replication.errors import DinerError, NoStoreAvailable
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.signals import connection_restored

R = TypeVar("R", bound=Record)

OVERLAP = timedelta(seconds=10)
"""Changes that are committed this late, or by a host whose clock is this slow, are still found."""
MAX_REPLAY = timedelta(hours=1)
INTERVAL_SECONDS = 2.0
RETRY_SECONDS = 1.0
GATHER_SECONDS = 0.05
TIMEOUT_SECONDS = 2.0
BATCH_SIZE = 500
MAX_QUEUED = 5000
MAX_MISSED = 1000
MAX_KNOWN = 20_000


class TooManyStreams(NoStoreAvailable):
    """This process already serves the maximum number of streams."""


class CursorExpired(DinerError):
    """More has changed than a stream can replay; the client should read the list instead."""


class StreamQuota:
    """Limits how many streams of all feeds this process serves at a time. `must_end` says whether
    the process is shutting down, so that all streams must end."""

    def __init__(self, limit: int, must_end: Callable[[], bool] = lambda: False) -> None:
        self.must_end = must_end
        self._limit = limit
        self._in_use = 0
        self._lock = Lock()

    def acquire(self) -> None:
        """Counts one more stream; TooManyStreams if the limit is reached."""
        with self._lock:
            if self._in_use >= self._limit:
                raise TooManyStreams(
                    f"the limit of {self._limit} streams per process is reached; try again later, "
                    "or raise WEB_STREAMS",
                    retry_after=5,
                )
            self._in_use += 1

    def release(self) -> None:
        """Counts one stream less."""
        with self._lock:
            self._in_use -= 1


class Stream(Generic[R]):
    """The queue of one client. Every state of a record comes at most once, and none after a later
    one."""

    def __init__(self, feed: Feed[R]) -> None:
        self._feed = feed
        self._queue: queue.Queue[Any] = queue.Queue(MAX_QUEUED)
        self._seen_revisions = LRUCache[str, int](MAX_KNOWN)
        self._is_closed = False
        self._offer_lock = Lock()

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended: it was closed, its client is too slow, or the process is
        shutting down."""
        return self._is_closed or self._feed.is_over

    def close(self) -> None:
        """Ends the stream and releases its share of the quota."""
        self._is_closed = True
        self._feed.remove_stream(self)

    def offer(self, records: Iterable[R]) -> None:
        """Queues the records that the client has not been sent yet."""
        with self._offer_lock:
            for record in records:
                self._enqueue(record)

    def _next(self, seconds: float) -> Any:
        """The next record, or None if none arrives within so many seconds."""
        try:
            return self._queue.get(timeout=seconds)
        except queue.Empty:
            return None

    def _enqueue(self, record: R) -> None:
        """Skips a state at a revision that was seen: of two concurrent ones, the merge follows."""
        if self._seen_revisions.get(record.id, 0) >= record.version.revision:
            return
        self._remember(record)
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.close()

    def _remember(self, record: R) -> None:
        self._seen_revisions[record.id] = record.version.revision


class Feed(ABC, Generic[R]):
    """Reads changed records for all streams of this process, while there are any.

    `step` reads once and has no thread of its own; `wake` is called when there is something to
    read.
    """

    def __init__(
        self,
        quota: StreamQuota,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._wake = wake
        self._quota = quota
        self._now = now
        self._lock = Lock()
        self._streams: Sequence[Stream[R]] = ()
        self._noted_ids: set[str] = set()
        self._latest_change: datetime | None = None
        self._replay = timedelta()
        self._last_read_at = now()
        self._is_closed = False
        connection_restored.connect(self._on_restored)
        bus_gap.connect(self._on_bus_gap)

    @abstractmethod
    def _load(self, record_ids: Collection[str]) -> Mapping[str, R]:
        """The current states of records that were reported as changed."""

    @abstractmethod
    def _changed_since(self, cursor: ChangeCursor, limit: int) -> Sequence[R]:
        """The next records that changed, for all streams together."""

    @property
    def is_over(self) -> bool:
        """Whether the feed is closed or the process is shutting down."""
        return self._is_closed or self._quota.must_end()

    def open(self) -> None:
        """Allows streams to be opened."""
        self._is_closed = False

    def close(self) -> None:
        """Ends every stream."""
        self._is_closed = True

    def remove_stream(self, stream: Stream[R]) -> None:
        """Removes a stream and releases its share of the quota."""
        with self._lock:
            others = [other for other in self._streams if other is not stream]
            was_there = len(others) < len(self._streams)
            self._streams = others
        if was_there:
            self._quota.release()

    def step(self) -> float:
        """Reads once for all streams; returns the seconds until the next time."""
        noted_ids = self._take_noted()
        if not self._streams:
            self._latest_change, self._replay = None, timedelta()
            return INTERVAL_SECONDS
        try:
            with deadline.within(TIMEOUT_SECONDS):
                records = self._read(noted_ids)
        except DinerError:
            self._note_changed(*noted_ids)
            return RETRY_SECONDS
        for stream in self._streams:
            stream.offer(records)
        return INTERVAL_SECONDS

    def _add_stream(self, stream: Stream[R]) -> None:
        self._quota.acquire()
        with self._lock:
            if not self._streams:
                self._latest_change = None
            self._streams = [*self._streams, stream]

    def _read(self, record_ids: Collection[str]) -> list[R]:
        records = list(self._load(record_ids).values()) if record_ids else []
        now = self._now()
        if (
            self._latest_change is None
            or (now - self._last_read_at).total_seconds() >= INTERVAL_SECONDS / 2
        ):
            self._last_read_at = now
            records += self._recent_changes(now)
        return sorted(records, key=lambda record: (record.updated_at, record.id))

    def _recent_changes(self, now: datetime) -> list[R]:
        replay, latest = self._replay, min(self._latest_change or now, now)
        cursor, records = ChangeCursor(latest - replay - OVERLAP), list[R]()
        while True:
            page = self._changed_since(cursor, BATCH_SIZE)
            records += page
            if len(page) < BATCH_SIZE:
                break
            cursor = ChangeCursor(page[-1].updated_at, page[-1].id)
        self._latest_change = max(latest, records[-1].updated_at) if records else latest
        if self._replay is replay:
            self._replay = timedelta()
        return records

    def _take_noted(self) -> set[str]:
        """Waits a moment first, so that changes at about the same time are read together."""
        if self._noted_ids:
            time.sleep(GATHER_SECONDS)
        with self._lock:
            noted_ids, self._noted_ids = self._noted_ids, set()
        return noted_ids

    def _note_changed(self, *record_ids: str) -> None:
        if not self._streams:
            return
        with self._lock:
            self._noted_ids.update(record_ids)

    def _on_bus_gap(self, _sender: object, **_payload: Any) -> None:
        self._wake()

    def _on_restored(self, _sender: object, seconds: float, **_payload: Any) -> None:
        """Writes that the other store accepted meanwhile arrive now, with their original times."""
        if self._streams:
            self._replay = max(self._replay, min(timedelta(seconds=seconds), MAX_REPLAY))
            self._wake()
