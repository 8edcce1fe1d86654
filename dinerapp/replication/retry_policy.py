"""How often something that failed is tried again, and how long the waits are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Each wait is `growth` times as long as the one before, and up to `max_jitter` of itself
    longer, so that not all who failed together come back together."""

    max_tries: int
    first_delay: timedelta
    growth: float = 2.0
    max_jitter: float = 0.0

    def delay(self, tries: int, jitter: float = 0.0) -> timedelta | None:
        """The wait after so many failed tries; None when it is time to give up. `jitter` is from
        0 to 1."""
        if tries >= self.max_tries:
            return None
        return self.first_delay * (self.growth ** (tries - 1) * (1 + self.max_jitter * jitter))
