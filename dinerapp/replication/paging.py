"""Reads long lists page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
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


def all_of(*queries: Callable[[Cursor | None, int], Page[R]]) -> Iterator[R]:
    """Every record that any of the queries finds."""
    for query in queries:
        for items in pages(query):
            yield from items


def batches(records: Iterable[R]) -> Iterator[Sequence[R]]:
    """The same records, at most PAGE_SIZE at a time."""
    remaining = iter(records)
    while batch := list(islice(remaining, PAGE_SIZE)):
        yield batch
