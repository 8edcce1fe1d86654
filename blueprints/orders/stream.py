"""The live stream of orders as server-sent events."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response

from blueprints.http import sse
from blueprints.orders.views import order_view
from dinerapp.ordering.services.order_feed import OrderFeed, OrderUpdate

STREAM_DOCUMENTATION = sse.stream_documentation(
    'id: 2036-05-01T16:30:00.123Z\nevent: order\ndata: {"id": "…"}\n\n'
)


def stream_response(feed: OrderFeed) -> Response:
    """A response that stays open for as long as the client listens."""
    return sse.stream_response(feed.stream, _parse_position, _format_update)


def _format_update(update: OrderUpdate) -> bytes:
    position = update.position.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return sse.format_event("order", order_view(update.order), position)


def _parse_position(event_id: str) -> datetime:
    position = datetime.fromisoformat(event_id)
    if position.tzinfo is None:
        raise ValueError("a position has a time zone")
    return position.astimezone(UTC)
