"""How far a long addition is, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int], None]


def nobody_watches(_done: int, _of: int) -> None:
    """The report where it is of no interest."""
