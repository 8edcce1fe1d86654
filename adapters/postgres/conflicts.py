"""The PostgreSQL store of conflicts."""

from __future__ import annotations

from collections.abc import Collection

from adapters.postgres.documents import DocumentStore
from adapters.postgres.statements import equals_literal
from dinerapp.replication.conflicts import Conflict, ConflictState
from dinerapp.replication.ports.conflicts import Conflicts
from dinerapp.replication.ports.repository import Cursor, Page

_COUNT_OPEN = "SELECT count(*) AS open FROM conflicts WHERE NOT deleted AND state = 'open'"
_OF_RECORDS = (
    "(left(record_id, 100) = ANY (%(shortened)s) AND record_id = ANY (%(ids)s)"
    " OR left(loser_id, 100) = ANY (%(shortened)s) AND loser_id = ANY (%(ids)s)"
    " AND loser_id <> record_id)"
    " AND content ->> 'about' = %(about)s"
)


class PostgresConflicts(DocumentStore[Conflict], Conflicts):
    """Table conflicts."""

    def page(self, state: ConflictState | None, after: Cursor | None, limit: int) -> Page[Conflict]:
        conditions = [] if state is None else [equals_literal("state", state)]
        return self._newest_page(conditions, {}, after, limit)

    def about(
        self, kind: str, record_ids: Collection[str], after: Cursor | None, limit: int
    ) -> Page[Conflict]:
        parameters = {
            "about": kind,
            "ids": list(record_ids),
            "shortened": [record_id[:100] for record_id in record_ids],
        }
        return self._newest_page([_OF_RECORDS], parameters, after, limit)

    def open_count(self) -> int:
        count: int = self._database.fetch(_COUNT_OPEN)[0]["open"]
        return count
