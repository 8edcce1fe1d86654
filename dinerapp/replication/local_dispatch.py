"""A queue of records that this process has just written, so that its followers need not claim them.

Their outbox entries exist all the same and are due a little later: what is lost with the process,
or does not fit into the queue, is claimed then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.signals import announce, follow_up_queued

QUEUE_SIZE = 1000
DEFAULT_GRACE = timedelta(seconds=3)


class LocalDispatchQueue:
    """Filled by many threads, emptied by one. Outbox entries are due after `grace`."""

    def __init__(self, *, grace: timedelta = DEFAULT_GRACE, max_size: int = QUEUE_SIZE) -> None:
        self.grace = grace
        self._max_size = max_size
        self._queue: deque[tuple[Replica[Any], Record]] = deque()

    @classmethod
    def disabled(cls) -> LocalDispatchQueue:
        """For a process without followers: queues nothing, and entries are due at once."""
        return cls(grace=timedelta(), max_size=0)

    def add(self, record: Record, source: Replica[Any]) -> None:
        """Queues a record that the source has just accepted."""
        if len(self._queue) < self._max_size:
            self._queue.append((source, record))
            announce(follow_up_queued, self, kind=source.kind.name)

    def take(self, limit: int) -> Mapping[Replica[Any], Sequence[Record]]:
        """Takes up to `limit` records off the queue, each in its latest state."""
        taken: dict[Replica[Any], dict[str, Record]] = {}
        for _ in range(min(limit, len(self._queue))):
            source, record = self._queue.popleft()
            taken.setdefault(source, {})[record.id] = record
        return {source: list(records.values()) for source, records in taken.items()}
