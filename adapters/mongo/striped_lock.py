"""Taking turns within a process.

Transactions that change one document make each other fail and start over, which at a rush costs far
more than to wait. Between processes that remains; it is rare enough there.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

_STRIPES = 64


class StripedLock:
    """One lock for many names, always taken in one order."""

    def __init__(self) -> None:
        self._locks = [Lock() for _ in range(_STRIPES)]

    @contextmanager
    def acquire(self, names: Collection[str], seconds: float) -> Iterator[bool]:
        """False, without a turn, where others take longer than so many seconds for theirs."""
        end = time.monotonic() + seconds
        with ExitStack() as stack:
            stripes = sorted({hash(name) % _STRIPES for name in names})
            yield all(self._acquire_stripe(stack, stripe, end) for stripe in stripes)

    def _acquire_stripe(self, stack: ExitStack, stripe: int, deadline: float) -> bool:
        taken = self._locks[stripe].acquire(timeout=max(0.0, deadline - time.monotonic()))
        if taken:
            stack.callback(self._locks[stripe].release)
        return taken
