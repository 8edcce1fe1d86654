"""Read markers. Contract suite: tests/contracts/test_reads.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.messaging.domain.read_markers import READ_MARKERS, ReadMarker
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class ReadMarkers(Repository[ReadMarker]):
    """How far users have read rooms."""

    kind = READ_MARKERS

    @abstractmethod
    @query
    def page(self, room_id: str, after: Cursor | None, limit: int) -> Page[ReadMarker]:
        """The read markers of a room, newest first by creation and then by id."""
