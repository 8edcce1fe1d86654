"""Conflicts in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from adapters.postgres.statements import equal
from dinerapp.domain.conflicts import Conflict, ConflictState
from dinerapp.ports.conflicts import Conflicts
from dinerapp.ports.repository import After, Page

_OPEN = "SELECT count(*) AS open FROM conflicts WHERE NOT deleted AND state = 'open'"


class PostgresConflicts(DocumentStore[Conflict], Conflicts):
    """Table conflicts."""

    def page(self, state: ConflictState | None, after: After | None, limit: int) -> Page[Conflict]:
        conditions = [] if state is None else [equal("state", state)]
        return self._page(conditions, {}, after, limit)

    def open_count(self) -> int:
        count: int = self._database.ask(_OPEN)[0]["open"]
        return count
