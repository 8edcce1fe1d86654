"""The port of a kind of documents that there are not many of, and of which a list is all that is
asked."""

from __future__ import annotations

from typing import TypeVar

from dinerapp.replication.ports.documents import Documents, Index
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.ports.routing import query
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)


class ListedDocuments(Documents[R]):
    """Documents and a list of them."""

    indexes = (Index(),)

    @query
    def page(self, after: Cursor | None, limit: int) -> Page[R]:
        """All of them, newest first by creation and then by id."""
        return self._newest(after, limit)
