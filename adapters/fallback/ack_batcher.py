"""Acknowledges outbox entries that were delivered inline, in batches and off the request path.

If a batch is lost, its entries stay in the outbox and a relay delivers them again.
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
        """Queues the acknowledgement of a record that the source has delivered to the target."""
        with self._lock:
            self._pending[source, target].append(record)

    def flush(self) -> int:
        """Acknowledges what is queued, and returns how many records that was."""
        with self._lock:
            pending, self._pending = self._pending, defaultdict(list)
        return sum(self._flush(records, *stores) for stores, records in pending.items())

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
                    source.acknowledge(target.store_id, [(rec.id, rec.version) for rec in batch])
            except (StoreFailure, NoStoreAvailable):
                return start
        return len(delivered)
