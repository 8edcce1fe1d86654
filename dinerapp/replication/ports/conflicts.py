"""The states that lost in merges. Contract suite: tests/contracts/test_conflicts.py."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection

from dinerapp.replication.conflicts import CONFLICTS, Conflict, ConflictState
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Conflicts(Repository[Conflict]):
    """Conflicts, open and resolved."""

    kind = CONFLICTS

    @abstractmethod
    @query
    def page(self, state: ConflictState | None, after: Cursor | None, limit: int) -> Page[Conflict]:
        """The conflicts in a state, or all, newest first by creation and then by id."""

    @abstractmethod
    @query
    def about(
        self, kind: str, record_ids: Collection[str], after: Cursor | None, limit: int
    ) -> Page[Conflict]:
        """The conflicts, in any state, of which one of these records of a kind is a side, in the
        order of `page`. Mostly both sides are one record; of a double booking they are two."""

    @abstractmethod
    @query
    def open_count(self) -> int:
        """How many conflicts are open."""
