"""Time limits in tests. What breaks one is told apart from what breaks anything else."""

from __future__ import annotations


class TooSlow(AssertionError):
    """It was right, but late."""


def assert_within(limit: float, seconds: float, what: str) -> None:
    if seconds > limit:
        raise TooSlow(f"{what} took {seconds:.2f} s, at most {limit:.2f} s")
