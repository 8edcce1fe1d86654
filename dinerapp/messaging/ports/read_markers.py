"""How far rooms are read. Contract suite: tests/contracts/test_reads.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.messaging.domain.read_markers import READS, Read
from dinerapp.replication.ports.repository import After, Page, Repository
from dinerapp.replication.ports.routing import question


class Reads(Repository[Read]):
    """Who has read how far."""

    kind = READS

    @abstractmethod
    @question
    def page(self, room_id: str, after: After | None, limit: int) -> Page[Read]:
        """Of one room, newest first by creation and then by id."""
