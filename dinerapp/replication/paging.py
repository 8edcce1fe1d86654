"""Lists that may be long, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record

R = TypeVar("R", bound=Record)

AT_ONCE = 100


def pages(question: Callable[[Cursor | None, int], Page[R]]) -> Iterator[Sequence[R]]:
    """All that a question finds."""
    page = question(None, AT_ONCE)
    yield page.items
    while page.next_cursor is not None:
        page = question(page.next_cursor, AT_ONCE)
        yield page.items


def all_of(*questions: Callable[[Cursor | None, int], Page[R]]) -> Iterator[R]:
    """Every record that any of the questions finds."""
    for question in questions:
        for found in pages(question):
            yield from found


def batches(records: Iterable[R]) -> Iterator[Sequence[R]]:
    """The same records, some at a time."""
    left = iter(records)
    while some := list(islice(left, AT_ONCE)):
        yield some
