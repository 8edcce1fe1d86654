"""Tills. Contract suite: tests/contracts/test_tills.py."""

from __future__ import annotations

from abc import abstractmethod

from dinerapp.ordering.domain.tills import TILLS, Till
from dinerapp.replication.ports.repository import Cursor, Page, Repository
from dinerapp.replication.ports.routing import query


class Tills(Repository[Till]):
    """Tills, each from its opening to its closing."""

    kind = TILLS

    @abstractmethod
    @query
    def page(self, is_open: bool | None, after: Cursor | None, limit: int) -> Page[Till]:
        """Tills that are open, closed or both, newest first by creation and then by id."""
