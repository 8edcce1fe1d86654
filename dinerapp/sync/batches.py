"""Many things, some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 500


def batches(things: Iterable[T]) -> Iterator[list[T]]:
    """All of them in their order, AT_ONCE at a time."""
    rest = iter(things)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch
