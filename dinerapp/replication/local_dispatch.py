"""What this process has just written, for the followers in it: nobody has to claim and read it.

The debts are there all the same, and are due a little later: what is lost with the process, or is
too much for it, is claimed then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from dinerapp.replication.ports.replica import Replica
from dinerapp.replication.record import Record
from dinerapp.replication.signals import announce, follow_up_owed

ROOM = 1000
GRACE = timedelta(seconds=3)


class Fresh:
    """Filled by many threads, emptied by one. Debts are due after `grace`."""

    def __init__(self, *, grace: timedelta = GRACE, room: int = ROOM) -> None:
        self.grace = grace
        self._room = room
        self._waiting: deque[tuple[Replica[Any], Record]] = deque()

    @classmethod
    def of_nobody(cls) -> Fresh:
        """Where nobody follows in this process: nothing is kept, and debts are due at once."""
        return cls(grace=timedelta(), room=0)

    def add(self, record: Record, source: Replica[Any]) -> None:
        """The source has just accepted the record."""
        if len(self._waiting) < self._room:
            self._waiting.append((source, record))
            announce(follow_up_owed, self, kind=source.kind.name)

    def take(self, most: int) -> Mapping[Replica[Any], Sequence[Record]]:
        """What has gathered, up to so much of it; of each record the latest state."""
        taken: dict[Replica[Any], dict[str, Record]] = {}
        for _ in range(min(most, len(self._waiting))):
            source, record = self._waiting.popleft()
            taken.setdefault(source, {})[record.id] = record
        return {source: list(records.values()) for source, records in taken.items()}
