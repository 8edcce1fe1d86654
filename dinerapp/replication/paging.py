"""Reads long lists page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

PAGE_SIZE = 100


def pages(query: Callable[[Cursor | None, int], Page[R]]) -> Iterator[Sequence[R]]:
    """Every page of a query."""
    page = query(None, PAGE_SIZE)
    yield page.items
    while page.next_cursor is not None:
        page = query(page.next_cursor, PAGE_SIZE)
        yield page.items
