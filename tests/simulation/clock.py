"""Time as the simulation tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from adapters.fallback import guarded_store
from dinerapp.replication import deadline
from dinerapp.replication.record import truncate_to_milliseconds

_NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class SimulatedClock:
    """Goes on only when the scheduler says so; stands in for the module `time`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return truncate_to_milliseconds(_NOON + timedelta(seconds=self.seconds))

    def monotonic(self) -> float:
        """What deadlines are measured by."""
        return self.seconds

    perf_counter = monotonic


@contextmanager
def simulated_time(clock: SimulatedClock) -> Iterator[None]:
    """Deadlines and the stores' sense of slowness go by this clock inside."""
    real = deadline.time, guarded_store.time  # type: ignore[attr-defined]
    deadline.time = guarded_store.time = clock  # type: ignore[assignment, attr-defined]
    try:
        yield
    finally:
        deadline.time, guarded_store.time = real  # type: ignore[attr-defined]
