"""The PostgreSQL store of tills."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.ordering.domain.tills import Till
from dinerapp.ordering.ports.tills import Tills
from dinerapp.replication.ports.repository import Cursor, Page


class PostgresTills(DocumentStore[Till], Tills):
    """Table tills."""

    def page(self, is_open: bool | None, after: Cursor | None, limit: int) -> Page[Till]:
        conditions = [] if is_open is None else ["is_open" if is_open else "NOT is_open"]
        return self._newest_page(conditions, {}, after, limit)
