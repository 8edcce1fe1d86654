"""The live stream of orders as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Response, request

from blueprints.http.headers import LAST_EVENT_ID
from blueprints.http.strict_json import dumps
from blueprints.orders.views import order_view
from dinerapp.errors import InvalidRecord
from dinerapp.services.feed import OrderFeed, Overtaken, Stream, Update

BEAT = 15.0
LOOK = 1.0
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
STREAM: dict[str, Any] = {
    "description": "Events until the client hangs up or the server stops; then connect again",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 2036-05-01T16:30:00.123Z\nevent: order\ndata: {"id": "…"}\n\n',
        }
    },
}
_HELLO = b"retry: 2000\n\n"
_RESET = b"event: reset\ndata: {}\n\n"
_HEARTBEAT = b": still here\n\n"


def streamed(feed: OrderFeed) -> Response:
    """The answer that goes on for as long as the client listens."""
    after, first = _last_event(), _HELLO
    try:
        stream = feed.stream(after)
    except Overtaken:
        stream, first = feed.stream(None), _HELLO + _RESET
    made = Response(_events(stream, first), headers=HEADERS, content_type="text/event-stream")
    made.call_on_close(stream.close)
    return made


def _events(stream: Stream, first: bytes) -> Iterator[bytes]:
    yield first
    beat = time.monotonic() + BEAT
    while not stream.is_over:
        update = stream.next(LOOK)
        if update is not None:
            yield _event(update)
        elif time.monotonic() >= beat:
            yield _HEARTBEAT
        else:
            continue
        beat = time.monotonic() + BEAT


def _event(update: Update) -> bytes:
    position = update.position.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f"id: {position}\nevent: order\ndata: ".encode()
    return head + dumps(order_view(update.order)) + b"\n\n"


def _last_event() -> datetime | None:
    given = request.headers.get(LAST_EVENT_ID)
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRecord(LAST_EVENT_ID, "is not the id of an event of this stream") from None
