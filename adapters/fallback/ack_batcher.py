"""Strikes off debts that were delivered inline, in batches and off the request's path.

Losing a batch loses nothing: the debts stay, and a relay delivers once more.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dinerapp.replication import deadline
from dinerapp.replication.errors import NoStoreAvailable, StoreFailure
from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.replicator import Replicator

BATCH_SIZE = 500


class AckBatcher:
    """Collects from all request threads of a process; one thread flushes."""

    def __init__(self, replicator: Replicator, timeout: float = 2.0) -> None:
        self._replicator = replicator
        self._lock = threading.Lock()
        self._pending: dict[tuple[Replica[Any], Replica[Any]], list[Record]] = defaultdict(list)
        self._timeout = timeout

    def add(self, record: Record, source: Replica[Any], target: Replica[Any]) -> None:
        """Notes that the target has the record, which the source owes it."""
        with self._lock:
            self._pending[source, target].append(record)

    def flush(self) -> int:
        """Strikes off what has gathered and says how much that was."""
        with self._lock:
            waiting, self._pending = self._pending, defaultdict(list)
        return sum(self._flush(paid, *stores) for stores, paid in waiting.items())

    def _flush(
        self, delivered: Sequence[Record], source: Replica[Any], target: Replica[Any]
    ) -> int:
        for start in range(0, len(delivered), BATCH_SIZE):
            batch = delivered[start : start + BATCH_SIZE]
            try:
                with deadline.within(self._timeout):
                    self._replicator.report_oversold(
                        self._replicator.reserved_keys(batch, target), target
                    )
                    source.acknowledge(target.store_id, [(each.id, each.version) for each in batch])
            except (StoreFailure, NoStoreAvailable):
                return start
        return len(delivered)
