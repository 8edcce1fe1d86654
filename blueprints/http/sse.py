"""Live streams as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from flask import Response

from blueprints.http.strict_json import dumps

BEAT = 15.0
LOOK = 1.0
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
HELLO = b"retry: 2000\n\n"
RESET = b"event: reset\ndata: {}\n\n"
_HEARTBEAT = b": still here\n\n"

U_co = TypeVar("U_co", covariant=True)
U = TypeVar("U")


class Watched(Protocol[U_co]):
    """What a service gives to whoever watches."""

    @property
    def is_over(self) -> bool: ...

    def next(self, seconds: float) -> U_co | None: ...

    def close(self) -> None: ...


def described(example: str) -> dict[str, Any]:
    """For the documentation."""
    return {
        "description": "Events until the client hangs up or the server stops; then connect again",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}},
    }


def event(name: str, data: Any, event_id: str | None = None) -> bytes:
    """One event; without an id the client keeps the one it had."""
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {name}\ndata: ".encode() + dumps(data) + b"\n\n"


def streamed(
    stream: Watched[U],
    first: bytes,
    written: Callable[[U], bytes],
    may_go_on: Callable[[], bool] = lambda: True,
) -> Response:
    """The answer that goes on for as long as the client listens, and may listen."""
    made = Response(
        _events(stream, first, written, may_go_on),
        headers=HEADERS,
        content_type="text/event-stream",
    )
    made.call_on_close(stream.close)
    return made


def _events(
    stream: Watched[U], first: bytes, written: Callable[[U], bytes], may_go_on: Callable[[], bool]
) -> Iterator[bytes]:
    yield first
    beat = time.monotonic() + BEAT
    while not stream.is_over:
        update = stream.next(LOOK)
        if not may_go_on():
            return
        if update is not None:
            yield written(update)
        elif time.monotonic() >= beat:
            yield _HEARTBEAT
        else:
            continue
        beat = time.monotonic() + BEAT
