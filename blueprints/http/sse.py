"""Live streams as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from flask import Response, request

from blueprints.http.headers import LAST_EVENT_ID
from blueprints.http.strict_json import dumps
from dinerapp.live.feed import CursorExpired
from dinerapp.replication.errors import InvalidRecord

HEARTBEAT_SECONDS = 15.0
POLL_SECONDS = 1.0
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
RETRY_FIELD = b"retry: 2000\n\n"
RESET_EVENT = b"event: reset\ndata: {}\n\n"
_HEARTBEAT = b": still here\n\n"

U_co = TypeVar("U_co", covariant=True)
U = TypeVar("U")
C = TypeVar("C")


class Subscription(Protocol[U_co]):
    """A stream of a service, as the response reads it."""

    @property
    def is_over(self) -> bool: ...

    def next(self, seconds: float) -> U_co | None: ...

    def close(self) -> None: ...


S = TypeVar("S", bound=Subscription[Any])


def stream_documentation(example: str) -> dict[str, Any]:
    """The documentation of a stream's response."""
    return {
        "description": "Events until the client disconnects or the server stops; then reconnect",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}},
    }


def format_event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """One event; without an id the client keeps its previous one."""
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {name}\ndata: ".encode() + dumps(data) + b"\n\n"


def stream_response(
    open_stream: Callable[[C | None], S],
    parse_event_id: Callable[[str], C],
    format_update: Callable[[Any], bytes],
    is_allowed: Callable[[S], bool] = lambda _stream: True,
) -> Response:
    """A response that stays open while the client is connected and has access.

    It starts after the last event that the client has received. If that is too long ago, the client
    gets a `reset` event and the stream starts now. `parse_event_id` raises ValueError.
    """
    cursor, preamble = _last_event_id(parse_event_id), RETRY_FIELD
    try:
        stream = open_stream(cursor)
    except CursorExpired:
        stream, preamble = open_stream(None), RETRY_FIELD + RESET_EVENT
    response = Response(
        _events(stream, preamble, format_update, lambda: is_allowed(stream)),
        headers=HEADERS,
        content_type="text/event-stream",
    )
    response.call_on_close(stream.close)
    return response


def _last_event_id(parse: Callable[[str], C]) -> C | None:
    given = request.headers.get(LAST_EVENT_ID)
    if given is None:
        return None
    try:
        return parse(given)
    except (ValueError, OverflowError):
        raise InvalidRecord(LAST_EVENT_ID, "must be the id of an event from this stream") from None


def _events(
    stream: Subscription[U],
    preamble: bytes,
    format_update: Callable[[U], bytes],
    is_allowed: Callable[[], bool],
) -> Iterator[bytes]:
    yield preamble
    beat = time.monotonic() + HEARTBEAT_SECONDS
    while not stream.is_over:
        update = stream.next(POLL_SECONDS)
        if not is_allowed():
            return
        if update is not None:
            yield format_update(update)
        elif time.monotonic() >= beat:
            yield _HEARTBEAT
        else:
            continue
        beat = time.monotonic() + HEARTBEAT_SECONDS
