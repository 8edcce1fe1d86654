"""How often something that failed is retried, and with which delays.

The policy of the relay is in outbox_consumer.py, that of followers in follower_dispatcher.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff: each delay is `growth` times the previous one, plus a share of itself
    up to `max_jitter`, so that callers that failed together do not retry together."""

    max_tries: int
    first_delay: timedelta
    growth: float = 2.0
    max_jitter: float = 0.0

    def delay(self, tries: int, jitter: float = 0.0) -> timedelta | None:
        """The delay after so many failed tries; None means to give up. `jitter` is from 0 to 1."""
        if tries >= self.max_tries:
            return None
        return self.first_delay * (self.growth ** (tries - 1) * (1 + self.max_jitter * jitter))
