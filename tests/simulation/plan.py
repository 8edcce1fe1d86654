"""What a seed decides beforehand: who is there, what they do, and what goes wrong when."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.outbox_consumer import ConsumerSettings
from dinerapp.replication.retry_policy import RetryPolicy
from dinerapp.replication.version import StoreId
from tests.simulation.network import NO_FAULTS, FaultRates
from tests.simulation.process import PLACES, WorkIntervals

ACTIONS = (
    "place_order",
    "move_order",
    "cancel_order",
    "write_notes",
    "price_item",
    "delete_item",
    "create_item",
    "read_order",
    "read_item",
    "list_records",
    "book_table",
    "move_booking",
    "cancel_booking",
)
MIXES = tuple(
    dict(zip(ACTIONS, weights, strict=True))
    for weights in (
        (6, 7, 2, 3, 4, 2, 2, 5, 4, 2, 0, 0, 0),
        (6, 7, 2, 3, 4, 2, 2, 5, 4, 2, 0, 0, 0),
        (2, 8, 1, 8, 0, 0, 0, 4, 0, 1, 0, 0, 0),
        (9, 2, 3, 0, 1, 0, 0, 2, 1, 1, 0, 0, 0),
        (0, 0, 0, 0, 8, 2, 5, 0, 5, 1, 0, 0, 0),
        (2, 1, 1, 0, 0, 0, 0, 1, 0, 0, 9, 5, 3),
    )
)
FAULTS = ("outage", "outage", "freeze", "freeze", "cut", "cut", "kill")


@dataclass(frozen=True)
class ScheduledFault:
    """Something that is broken for a while. `process` is a number, for cuts and kills."""

    kind: str
    start: float
    end: float
    place: StoreId
    process: int = 0

    def __str__(self) -> str:
        whom = f" process {self.process}" if self.kind in ("cut", "kill") else ""
        where = "" if self.kind == "kill" else f" {self.place}"
        return f"{self.kind}{whom}{where} from {self.start:.2f} to {self.end:.2f}"


@dataclass(frozen=True)
class SimulationPlan:
    """All of it."""

    seed: int
    processes: int = 1
    clients: int = 3
    record_count: int = 5
    think_seconds: float = 0.3
    restlessness: float = 1.0
    mix: Mapping[str, int] = field(default_factory=lambda: MIXES[0])
    eager: float = 0.0
    budgets: tuple[float, ...] = (1.0,)
    fault_rates: FaultRates = NO_FAULTS
    faults: tuple[ScheduledFault, ...] = ()
    missing: StoreId | None = None
    poison: StoreId | None = None
    poisoned: float = 0.0
    cured: float | None = None
    intervals: WorkIntervals = field(
        default_factory=lambda: WorkIntervals(ConsumerSettings(), MergePolicy())
    )

    @classmethod
    def from_seed(cls, seed: int) -> SimulationPlan:
        """The plan of a seed."""
        rng = random.Random(seed)
        processes = rng.choice((1, 1, 2, 2, 3))
        poison = rng.choice(PLACES) if rng.random() < 0.12 else None
        return cls(
            seed=seed,
            processes=processes,
            clients=rng.randint(2, 6),
            record_count=rng.randint(3, 10),
            think_seconds=rng.choice((0.02, 0.1, 0.4)),
            restlessness=rng.choice((0.2, 0.6, 1.0)),
            mix=rng.choice(MIXES),
            eager=rng.choice((0.0, 0.5, 0.9)),
            budgets=rng.choice(((1.0,), (1.0,), (1.0, 0.3, 0.1))),
            fault_rates=_fault_rates(rng),
            faults=_faults(rng, processes),
            missing=rng.choice(PLACES) if rng.random() < 0.08 else None,
            poison=poison,
            poisoned=rng.choice((0.2, 0.5)) if poison else 0.0,
            cured=rng.uniform(2.0, 6.0) if rng.random() < 0.5 else None,
            intervals=_intervals(rng),
        )


def _fault_rates(rng: random.Random) -> FaultRates:
    if rng.random() < 0.3:
        return FaultRates(slow=rng.choice((0.0, 0.02)), delayed_reply=rng.choice((0.1, 0.4)))
    each = rng.choice((0.01, 0.03, 0.08))
    return FaultRates(
        refused=each,
        lost_request=each,
        lost_reply=each,
        late=each,
        slow=rng.choice((0.0, 0.05)),
        delayed_reply=rng.choice((0.1, 0.6)),
    )


def _faults(rng: random.Random, processes: int) -> tuple[ScheduledFault, ...]:
    draw = rng.random()
    if draw < 0.15:
        return _alternating_outages(rng)
    if draw < 0.3 and processes > 1:
        return _partial_partitions(rng, processes)
    faults = []
    for _ in range(rng.randint(0, 6)):
        start = rng.uniform(0.0, 4.0)
        end = start + rng.choice((0.1, 0.6, 2.0)) * rng.uniform(0.5, 1.5)
        what = rng.choice(FAULTS)
        faults.append(
            ScheduledFault(what, start, end, rng.choice(PLACES), rng.randrange(processes))
        )
    return tuple(faults)


def _alternating_outages(rng: random.Random) -> tuple[ScheduledFault, ...]:
    """One server after the other, with little or no time between."""
    faults, start = [], rng.uniform(0.0, 1.0)
    first = rng.randrange(2)
    what = rng.choice(("outage", "freeze"))
    for number in range(rng.randint(2, 5)):
        end = start + rng.uniform(0.3, 1.2)
        faults.append(ScheduledFault(what, start, end, PLACES[(first + number) % 2]))
        start = end + rng.uniform(-0.2, 0.8)
    return tuple(faults)


def _partial_partitions(rng: random.Random, processes: int) -> tuple[ScheduledFault, ...]:
    """One process after the other loses sight of a server that the others still see."""
    faults, start = [], 0.0
    for number in range(rng.randint(4, 12)):
        end = start + rng.uniform(0.1, 0.5)
        faults.append(ScheduledFault("cut", start, end, rng.choice(PLACES), number % processes))
        start += rng.uniform(0.2, 0.6)
    return tuple(faults)


def _intervals(rng: random.Random) -> WorkIntervals:
    consumer_settings = ConsumerSettings(
        batch_size=rng.choice((1, 2, 500)),
        lease=timedelta(seconds=rng.choice((0.5, 2.0))),
        retry_policy=RetryPolicy(max_tries=2, first_delay=timedelta(seconds=0.2)),
    )
    policy = MergePolicy(rng.choice(("source_priority", "last_write_wins")))
    return WorkIntervals(
        consumer_settings=consumer_settings,
        policy=policy,
        check=rng.choice((0.2, 0.6)),
        relay=rng.choice((0.2, 0.6, 3.0)),
        acknowledge=rng.choice((0.1, 0.5, 3.0)),
        follow=rng.choice((0.2, 0.6, 3.0)),
    )
