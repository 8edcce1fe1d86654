"""What the tests of replicas say again and again, in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dinerapp.replication import codec
from dinerapp.replication.ports.replica import Fingerprint, FollowerTarget, OutboxEntry, Target
from dinerapp.replication.version import StoreId
from tests.factories import at

P, M, N = StoreId.POSTGRESQL, StoreId.MONGODB, StoreId.NOCODB
F = FollowerTarget.FOLLOWERS
DUE, NOW, LEASE = at(), at(10), at(100)


def outbox_entries(
    to: StoreId, *, due: datetime = DUE, undelivered: bool = False
) -> list[OutboxEntry]:
    """One entry, in a list."""
    return [OutboxEntry(to, due, undelivered)]


def claim(
    store: Any,
    to: Target,
    *,
    limit: int = 100,
    now: datetime = NOW,
    until: datetime = LEASE,
) -> list[Any]:
    """What a relay is given."""
    return list(store.claim(to, limit, now, until))


def drain(store: Any, to: StoreId) -> list[Any]:
    """Everything a relay is given until there is no more."""
    found: list[Any] = []
    while claimed := claim(store, to, limit=7):
        found.extend(entry.record for entry in claimed)
    return found


def fingerprints_of(states: Sequence[Any]) -> dict[int, Fingerprint]:
    """What every store should compute."""
    counts: Counter[int] = Counter()
    sums: Counter[int] = Counter()
    for state in states:
        counts[codec.bucket(state.id)] += 1
        sums[codec.bucket(state.id)] += codec.digest(state)
    return {number: Fingerprint(counts[number], sums[number]) for number in counts}
