"""Areas, tables, reservations. Contract suite: tests/contracts/test_reservations.py."""

from __future__ import annotations

from datetime import datetime

from dinerapp.replication.ports.documents import Documents, Index
from dinerapp.replication.ports.listed import ListedDocuments
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.ports.routing import query
from dinerapp.reservations.model import AREAS, RESERVATIONS, TABLES, Area, Reservation, Table

MAX_AT_ONCE = 10_000


class Areas(ListedDocuments[Area]):
    kind = AREAS


class Tables(ListedDocuments[Table]):
    kind = TABLES


class Reservations(Documents[Reservation]):
    kind = RESERVATIONS
    indexes = (
        Index("starts_at"),
        Index("table_id", "starts_at"),
        Index("phone"),
        Index("phone", "code"),
        Index("user_id"),
    )

    @query
    def newest(self, after: Cursor | None, limit: int, **equal: str) -> Page[Reservation]:
        """Those of an account, a phone number, or a number and a code; newest first."""
        return self._newest(after, limit, **equal)

    @query
    def between(
        self,
        begin: datetime,
        end: datetime,
        after: Cursor | None = None,
        limit: int = MAX_AT_ONCE,
        **equal: str,
    ) -> Page[Reservation]:
        """Those that start from `begin` until just before `end`, earliest first; at one table, if
        `table_id` names one."""
        return self._page_by(
            "starts_at", after, limit, since=begin, until=end, newest_first=False, **equal
        )
