"""A clock that goes on when the test says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.factories import at


class ManualClock:
    """Stands where the makers' first moment is, until time passes by."""

    def __init__(self) -> None:
        self.moment = at()

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
