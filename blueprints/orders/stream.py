"""The live stream of orders as server-sent events."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, request

from blueprints.http import sse
from blueprints.http.headers import LAST_EVENT_ID
from blueprints.orders.views import order_view
from dinerapp.live.feed import CursorExpired
from dinerapp.ordering.services.order_feed import OrderFeed, OrderUpdate
from dinerapp.replication.errors import InvalidRecord

STREAM_DOCUMENTATION = sse.stream_documentation(
    'id: 2036-05-01T16:30:00.123Z\nevent: order\ndata: {"id": "…"}\n\n'
)


def stream_response(feed: OrderFeed) -> Response:
    """A response that stays open for as long as the client listens."""
    after, first = _last_event_id(), sse.RETRY_FIELD
    try:
        stream = feed.stream(after)
    except CursorExpired:
        stream, first = feed.stream(None), sse.RETRY_FIELD + sse.RESET_EVENT
    return sse.stream_response(stream, first, _format_update)


def _format_update(update: OrderUpdate) -> bytes:
    position = update.position.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return sse.format_event("order", order_view(update.order), position)


def _last_event_id() -> datetime | None:
    given = request.headers.get(LAST_EVENT_ID)
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRecord(LAST_EVENT_ID, "must be the id of an event from this stream") from None
