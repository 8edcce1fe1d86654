"""How far a long addition is, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]


def ignore_progress(_done: int, _of: int) -> None:
    """The report where it is of no interest."""
