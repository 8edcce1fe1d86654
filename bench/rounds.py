"""Rounds in turns: everybody once, and then again, so that what disturbs one disturbs all."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.wrk import Measurement

PAUSE_SECONDS = 0.2
"""What one has begun when its round ends, it may finish before the next one is measured."""
WARM_UP_SECONDS = 1.0
SPARE_ROUNDS = 3
"""So many more rounds there are when some had to be thrown away."""
LoadFunction = Callable[[int, float], Measurement]


@dataclass
class Series:
    """What became of each round of one contender; None is a round that was thrown away."""

    shots: list[Measurement | None] = field(default_factory=list)

    @property
    def good(self) -> list[Measurement]:
        return [shot for shot in self.shots if shot is not None]

    @property
    def rates(self) -> list[float]:
        return [shot.rate for shot in self.good]

    @property
    def rate(self) -> float:
        """The median; 0 where nothing is left to tell from."""
        return statistics.median(self.rates) if self.good else 0.0

    def latency(self, name: str) -> float | None:
        """The median of a percentile, in milliseconds."""
        told = [getattr(shot, name) for shot in self.good]
        known = [each for each in told if each is not None]
        return statistics.median(known) if known else None

    def ratio_to(self, other: Series) -> float | None:
        """How many times the other's rate this one has: the median over rounds that both have."""
        both = zip(self.shots, other.shots, strict=True)
        ratios = [one.rate / two.rate for one, two in both if one and two]
        return statistics.median(ratios) if ratios else None


def alternate(
    contenders: Mapping[str, LoadFunction],
    connections: int,
    rounds: int,
    seconds: float,
) -> dict[str, Series]:
    """So many good rounds of each, in turns, after one that warms up and does not count."""
    found = {name: Series() for name in contenders}
    for shoot in contenders.values():
        shoot(connections, WARM_UP_SECONDS)
    for number in range(rounds + SPARE_ROUNDS):
        if all(len(series.good) >= rounds for series in found.values()):
            break
        for name, shoot in contenders.items():
            time.sleep(PAUSE_SECONDS)
            shot = shoot(connections, seconds)
            found[name].shots.append(shot if shot.is_good else None)
            if not shot.is_good:
                _warn_discarded(name, number, shot)
    return found


def ranked_names(found: Mapping[str, Series]) -> Sequence[str]:
    """The names, the first one first and the others by what they did."""
    first, *others = found
    return [first, *sorted(others, key=lambda name: -found[name].rate)]


def _warn_discarded(name: str, number: int, shot: Measurement) -> None:
    reason = (
        shot.invalid_reason or f"{shot.failed} requests failed, {shot.rate:.0f} a second did not"
    )
    print(f"!!! ROUND {number + 1} OF {name} IS THROWN AWAY: {reason}", file=sys.stderr)
