"""Streams orders as they change, for screens in the kitchen and on the floor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dinerapp.live import feed as feeds
from dinerapp.live.feed import OVERLAP, CursorExpired, Feed, Stream, StreamQuota
from dinerapp.live.signals import remote_change
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.signals import ORDER_SIGNALS
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import utc_now


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """An order in its current state. A stream that resumes after `position` has had it."""

    order: Order
    position: datetime


class OrderStream(Stream[Order]):
    """A stream of all orders."""

    def __init__(self, feed: OrderFeed, position: datetime) -> None:
        super().__init__(feed)
        self._position = position

    def next(self, seconds: float) -> OrderUpdate | None:
        """The next update, or None if none arrives within so many seconds."""
        order = self._next(seconds)
        if order is None:
            return None
        self._position = max(self._position, order.updated_at)
        return OrderUpdate(order, self._position)


class OrderFeed(Feed[Order]):
    """Reads changed orders for streams."""

    def __init__(
        self,
        orders: Orders,
        quota: StreamQuota,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(quota, wake=wake, now=now)
        self._orders = orders
        for signal in ORDER_SIGNALS:
            signal.connect(self._on_order_changed)
        remote_change.connect(self._on_remote_change)

    def stream(self, after: datetime | None) -> OrderStream:
        """Opens a stream with everything that changed after `since`; without it, with changes from
        now on and those of just before.

        Raises TooManyStreams, and CursorExpired if `since` is too long ago.
        """
        now = self._now()
        stream = OrderStream(self, min(after or now, now))
        self._add_stream(stream)
        try:
            if after is not None:
                stream.offer(self._changes_since(min(after, now) - OVERLAP))
        except BaseException:
            stream.close()
            raise
        self._wake()
        return stream

    def _changes_since(self, since: datetime) -> Sequence[Order]:
        missed = self._changed_since(ChangeCursor(since), feeds.MAX_MISSED + 1)
        if len(missed) > feeds.MAX_MISSED:
            raise CursorExpired(f"more than {feeds.MAX_MISSED} orders have changed since")
        return missed

    def _load(self, record_ids: Collection[str]) -> Mapping[str, Order]:
        return self._orders.get_many(record_ids)

    def _changed_since(self, cursor: ChangeCursor, limit: int) -> Sequence[Order]:
        return self._orders.changed_since(cursor, limit)

    def _on_order_changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        self._note_changed(order.id)
        self._wake()

    def _on_remote_change(
        self, _sender: object, kind: str, record_id: str, **_payload: Any
    ) -> None:
        if kind == ORDERS.name:
            self._note_changed(record_id)
            self._wake()
