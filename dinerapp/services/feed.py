"""Orders as they change, for whoever watches: one reader per process, any number of streams.

The records are the truth. News of a change, from here or from another process, only says what to
read; and every few seconds everything that changed lately is read, whatever news there was.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from dinerapp import signals
from dinerapp.domain.order_merging import ORDERS
from dinerapp.domain.orders import Order
from dinerapp.domain.record import utc_now
from dinerapp.domain.version import Version
from dinerapp.errors import DinerError, NothingAvailable
from dinerapp.ports import deadline
from dinerapp.ports.orders import Change, Orders

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


class TooManyStreams(NothingAvailable):
    """This process has as many open streams as it can bear."""


class Overtaken(DinerError):
    """More has changed than a stream can catch up with; a list is the better question."""


@dataclass(frozen=True, slots=True)
class Update:
    """An order as it is now. A stream that begins again after `position` has had it."""

    order: Order
    position: datetime


class Stream:
    """What one watcher has yet to be sent. Every state of an order comes once, and none after a
    later one."""

    def __init__(self, feed: OrderFeed, position: datetime) -> None:
        self._feed = feed
        self._position = position
        self._waiting: queue.Queue[Order] = queue.Queue(MOST_WAITING)
        self._known: dict[str, Version] = {}
        self._is_closed = False
        self._offering = Lock()

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended: the process does, or the watcher is too slow for it."""
        return self._is_closed or self._feed.is_over

    def next(self, seconds: float) -> Update | None:
        """The next update, if there is one within so many seconds."""
        try:
            order = self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None
        self._position = max(self._position, order.updated_at)
        return Update(order, self._position)

    def close(self) -> None:
        """Makes room for another one."""
        self._is_closed = True
        self._feed.leave(self)

    def offer(self, orders: Iterable[Order]) -> None:
        """Takes what it has not had yet."""
        with self._offering:
            for order in orders:
                self._take(order)

    def _take(self, order: Order) -> None:
        known = self._known.get(order.id)
        if known is not None and known.covers(order.version):
            return
        self._remember(order)
        try:
            self._waiting.put_nowait(order)
        except queue.Full:
            self.close()

    def _remember(self, order: Order) -> None:
        self._known.pop(order.id, None)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[order.id] = order.version


class OrderFeed:
    """Reads changed orders for all streams of this process, while there are any.

    `step` is one reading and has no thread of its own. `wake` is called when there is news.
    """

    def __init__(
        self, orders: Orders, most_streams: int, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.wake: Callable[[], None] = _nobody
        self.must_end: Callable[[], bool] = lambda: False
        self._orders = orders
        self._most_streams = most_streams
        self._now = now
        self._lock = Lock()
        self._streams: list[Stream] = []
        self._news: set[str] = set()
        self._latest: datetime | None = None
        self._back = timedelta()
        self._read_at = now()
        self._is_closed = False
        self._connect()

    @property
    def is_over(self) -> bool:
        """Whether the process is about to end."""
        return self._is_closed or self.must_end()

    def open(self) -> None:
        """Streams may be opened."""
        self._is_closed = False

    def close(self) -> None:
        """Ends every stream."""
        self._is_closed = True

    def stream(self, after: datetime | None) -> Stream:
        """A new stream, with everything that has changed after that moment; without one, with
        what changes from now on and what changed just before.

        Raises TooManyStreams, and Overtaken where that moment is too long ago.
        """
        now = self._now()
        stream = Stream(self, min(after or now, now))
        self._enter(stream)
        try:
            if after is not None:
                stream.offer(self._missed(min(after, now) - OVERLAP))
        except BaseException:
            stream.close()
            raise
        self.wake()
        return stream

    def leave(self, stream: Stream) -> None:
        """Forgets a stream."""
        with self._lock:
            self._streams = [each for each in self._streams if each is not stream]

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

    def _enter(self, stream: Stream) -> None:
        with self._lock:
            if len(self._streams) >= self._most_streams:
                raise TooManyStreams(
                    f"this process serves {self._most_streams} streams at most; try again, "
                    "or raise WEB_STREAMS",
                    retry_after=5,
                )
            if not self._streams:
                self._latest = None
            self._streams = [*self._streams, stream]

    def _missed(self, since: datetime) -> list[Order]:
        missed = list(self._orders.changed_since(Change(since), MOST_MISSED + 1))
        if len(missed) > MOST_MISSED:
            raise Overtaken(f"more than {MOST_MISSED} orders have changed since")
        return missed

    def _read(self, news: Iterable[str]) -> list[Order]:
        found = list(self._orders.get_many(set(news)).values()) if news else []
        now = self._now()
        if self._latest is None or (now - self._read_at).total_seconds() >= EVERY / 2:
            self._read_at = now
            found += self._changed_lately(now)
        return sorted(found, key=lambda order: (order.updated_at, order.id))

    def _changed_lately(self, now: datetime) -> list[Order]:
        back, latest = self._back, min(self._latest or now, now)
        place, found = Change(latest - back - OVERLAP), list[Order]()
        while True:
            page = self._orders.changed_since(place, AT_ONCE)
            found += page
            if len(page) < AT_ONCE:
                break
            place = Change(page[-1].updated_at, page[-1].id)
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

    def _connect(self) -> None:
        for signal in signals.ABOUT_ORDERS:
            signal.connect(self._changed)
        signals.changed_elsewhere.connect(self._changed_elsewhere)
        signals.connection_restored.connect(self._restored)
        signals.news_missed.connect(self._missed_news)

    def _changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        self._note(order.id)
        self.wake()

    def _changed_elsewhere(
        self, _sender: object, kind: str, record_id: str, **_payload: Any
    ) -> None:
        if kind == ORDERS.name:
            self._note(record_id)
            self.wake()

    def _note(self, *record_ids: str) -> None:
        if not self._streams:
            return
        with self._lock:
            self._news.update(record_ids)

    def _missed_news(self, _sender: object, **_payload: Any) -> None:
        self.wake()

    def _restored(self, _sender: object, seconds: float, **_payload: Any) -> None:
        """What was accepted elsewhere meanwhile arrives now, with the times it had then."""
        if self._streams:
            self._back = max(self._back, min(timedelta(seconds=seconds), LONGEST_RETURN))
            self.wake()


def _nobody() -> None:
    """Until somebody wants to be woken."""
