"""Time as the simulation tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from adapters.fallback import side
from dinerapp.replication import deadline
from dinerapp.replication.record import to_milliseconds

_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    """Goes on only when the scheduler says so; stands in for the module `time`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return to_milliseconds(_NOON + timedelta(seconds=self.seconds))

    def monotonic(self) -> float:
        """What deadlines are measured by."""
        return self.seconds

    perf_counter = monotonic


@contextmanager
def simulated_time(clock: Clock) -> Iterator[None]:
    """Deadlines and the breakers' sense of slowness go by this clock inside."""
    real = deadline.time, side.time
    deadline.time = side.time = clock  # type: ignore[assignment]
    try:
        yield
    finally:
        deadline.time, side.time = real  # type: ignore[assignment]
