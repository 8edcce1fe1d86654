"""Strikes off debts that were delivered inline, in batches and off the request's path.

Losing a batch loses nothing: the debts stay, and a relay delivers once more.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dinerapp.replication import deadline
from dinerapp.replication.errors import NothingAvailable, StoreFailure
from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.replicator import Handover

AT_ONCE = 500


class Settler:
    """Collects from all request threads of a process; one thread flushes."""

    def __init__(self, handover: Handover, patience: float = 2.0) -> None:
        self._handover = handover
        self._lock = threading.Lock()
        self._waiting: dict[tuple[Replica[Any], Replica[Any]], list[Record]] = defaultdict(list)
        self._patience = patience

    def add(self, record: Record, source: Replica[Any], target: Replica[Any]) -> None:
        """Notes that the target has the record, which the source owes it."""
        with self._lock:
            self._waiting[source, target].append(record)

    def flush(self) -> int:
        """Strikes off what has gathered and says how much that was."""
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        return sum(self._flush(paid, *stores) for stores, paid in waiting.items())

    def _flush(self, paid: Sequence[Record], source: Replica[Any], target: Replica[Any]) -> int:
        for start in range(0, len(paid), AT_ONCE):
            batch = paid[start : start + AT_ONCE]
            try:
                with deadline.within(self._patience):
                    self._handover.look_at(self._handover.held_by(batch, target), target)
                    source.settle(target.place, [(each.id, each.version) for each in batch])
            except (StoreFailure, NothingAvailable):
                return start
        return len(paid)
