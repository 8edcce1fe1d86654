"""Orders as they change, for screens in the kitchen and on the floor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dinerapp.live import feed as feeds
from dinerapp.live.feed import OVERLAP, Feed, Overtaken, Seats, Stream
from dinerapp.live.signals import remote_change
from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.signals import ORDER_SIGNALS
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import utc_now


@dataclass(frozen=True, slots=True)
class Update:
    """An order as it is now. A stream that begins again after `position` has had it."""

    order: Order
    position: datetime


class OrderStream(Stream[Order]):
    """Of all orders."""

    def __init__(self, feed: OrderFeed, position: datetime) -> None:
        super().__init__(feed)
        self._position = position

    def next(self, seconds: float) -> Update | None:
        """The next update, if there is one within so many seconds."""
        order = self._next(seconds)
        if order is None:
            return None
        self._position = max(self._position, order.updated_at)
        return Update(order, self._position)


class OrderFeed(Feed[Order]):
    """Reads changed orders."""

    def __init__(
        self,
        orders: Orders,
        seats: Seats,
        *,
        wake: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(seats, wake=wake, now=now)
        self._orders = orders
        for signal in ORDER_SIGNALS:
            signal.connect(self._changed)
        remote_change.connect(self._changed_elsewhere)

    def stream(self, after: datetime | None) -> OrderStream:
        """A new stream, with everything that has changed after that moment; without one, with
        what changes from now on and what changed just before.

        Raises TooManyStreams, and Overtaken where that moment is too long ago.
        """
        now = self._now()
        stream = OrderStream(self, min(after or now, now))
        self._enter(stream)
        try:
            if after is not None:
                stream.offer(self._missed(min(after, now) - OVERLAP))
        except BaseException:
            stream.close()
            raise
        self._wake()
        return stream

    def _missed(self, since: datetime) -> Sequence[Order]:
        missed = self._changed_since(ChangeCursor(since), feeds.MOST_MISSED + 1)
        if len(missed) > feeds.MOST_MISSED:
            raise Overtaken(f"more than {feeds.MOST_MISSED} orders have changed since")
        return missed

    def _get(self, record_ids: Collection[str]) -> Mapping[str, Order]:
        return self._orders.get_many(record_ids)

    def _changed_since(self, place: ChangeCursor, limit: int) -> Sequence[Order]:
        return self._orders.changed_since(place, limit)

    def _changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        self._note(order.id)
        self._wake()

    def _changed_elsewhere(
        self, _sender: object, kind: str, record_id: str, **_payload: Any
    ) -> None:
        if kind == ORDERS.name:
            self._note(record_id)
            self._wake()
