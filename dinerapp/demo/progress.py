"""Reports the progress of seeding."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]


def ignore_progress(_done: int, _total: int) -> None:
    """Ignores progress reports."""
