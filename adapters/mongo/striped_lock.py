"""Serializes transactions within a process.

Concurrent transactions that change the same document abort each other and have to be retried, which
under load costs far more than waiting. Between processes that still happens, but rarely.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

_STRIPES = 64


class StripedLock:
    """A fixed number of locks for any number of names, always acquired in the same order."""

    def __init__(self) -> None:
        self._locks = [Lock() for _ in range(_STRIPES)]

    @contextmanager
    def acquire(self, names: Collection[str], seconds: float) -> Iterator[bool]:
        """Yields whether all locks were acquired within the given time."""
        end = time.monotonic() + seconds
        with ExitStack() as stack:
            stripes = sorted({hash(name) % _STRIPES for name in names})
            yield all(self._acquire_stripe(stack, stripe, end) for stripe in stripes)

    def _acquire_stripe(self, stack: ExitStack, stripe: int, deadline: float) -> bool:
        acquired = self._locks[stripe].acquire(timeout=max(0.0, deadline - time.monotonic()))
        if acquired:
            stack.callback(self._locks[stripe].release)
        return acquired
