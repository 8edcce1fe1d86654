"""The deadline of the current work, visible to every store call made within it.

A request sets the total; each attempt at a store gets a part of what is left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Sets a deadline in so many seconds; an earlier one that is already set still holds."""
    end = time.monotonic() + seconds
    outer = _end.get()
    token = _end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _end.reset(token)


@contextmanager
def unbounded() -> Iterator[None]:
    """Lifts the deadline for work in many parts, each of which has a deadline of its own."""
    token = _end.set(None)
    try:
        yield
    finally:
        _end.reset(token)


def remaining(default: float) -> float:
    """Seconds left, never negative; `default` if no deadline is set."""
    end = _end.get()
    return default if end is None else max(0.0, end - time.monotonic())
