"""The port of a kind of documents of which lists are all that is asked."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, TypeVar

from dinerapp.replication.ports.documents import Documents, Index, Value
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.ports.routing import query
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


class ListedDocuments(Documents[R]):
    """Documents and lists of them. Which lists there are the indexes say."""

    indexes: ClassVar[tuple[Index, ...]] = (Index(),)

    @query
    def page(self, after: Cursor | None, limit: int, **equal: Value) -> Page[R]:
        """Those with these values, newest first by creation and then by id."""
        return self._newest(after, limit, **equal)

    @query
    def page_by(
        self,
        field: str,
        begin: datetime,
        end: datetime,
        after: Cursor | None,
        limit: int,
        **equal: Value,
    ) -> Page[R]:
        """Those with these values and a time from `begin` until just before `end`, earliest first
        and then by id."""
        return self._page_by(
            field, after, limit, since=begin, until=end, newest_first=False, **equal
        )
