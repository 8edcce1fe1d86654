"""How long the work at hand may take, known to every store call below it.

A request sets the whole; each attempt at a store takes a part of what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends the work inside after so many seconds, or earlier if a deadline outside says so."""
    end = time.monotonic() + seconds
    outer = _end.get()
    token = _end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _end.reset(token)


@contextmanager
def unbounded() -> Iterator[None]:
    """Work of many parts may take as long as it has to; each part has a deadline of its own."""
    token = _end.set(None)
    try:
        yield
    finally:
        _end.reset(token)


def remaining(default: float) -> float:
    """Seconds left, never negative; `otherwise` where no deadline was set."""
    end = _end.get()
    return default if end is None else max(0.0, end - time.monotonic())
