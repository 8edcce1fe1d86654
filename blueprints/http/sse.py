"""Live streams as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from flask import Response

from blueprints.http.strict_json import dumps

HEARTBEAT_SECONDS = 15.0
POLL_SECONDS = 1.0
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
RETRY_FIELD = b"retry: 2000\n\n"
RESET_EVENT = b"event: reset\ndata: {}\n\n"
_HEARTBEAT = b": still here\n\n"

U_co = TypeVar("U_co", covariant=True)
U = TypeVar("U")


class Subscription(Protocol[U_co]):
    """What a service gives to whoever watches."""

    @property
    def is_over(self) -> bool: ...

    def next(self, seconds: float) -> U_co | None: ...

    def close(self) -> None: ...


def stream_documentation(example: str) -> dict[str, Any]:
    """For the documentation."""
    return {
        "description": "Events until the client disconnects or the server stops; then reconnect",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}},
    }


def format_event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """One event; without an id the client keeps the one it had."""
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {name}\ndata: ".encode() + dumps(data) + b"\n\n"


def stream_response(
    stream: Subscription[U],
    preamble: bytes,
    format_update: Callable[[U], bytes],
    is_allowed: Callable[[], bool] = lambda: True,
) -> Response:
    """The answer that goes on for as long as the client listens, and may listen."""
    made = Response(
        _events(stream, preamble, format_update, is_allowed),
        headers=HEADERS,
        content_type="text/event-stream",
    )
    made.call_on_close(stream.close)
    return made


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
