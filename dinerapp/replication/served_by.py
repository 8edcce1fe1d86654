"""Which store answered the request at hand, and in which role; answers say so in their headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import NamedTuple

from dinerapp.replication.version import StoreId


class StoreRole(StrEnum):
    """What a store is to a kind of record."""

    PRIMARY = "primary"
    BACKUP = "backup"


class ServedBy(NamedTuple):
    """A store that answered, in its role."""

    store_id: StoreId
    role: StoreRole


_served_by: ContextVar[ServedBy | None] = ContextVar("served", default=None)


def record(store_id: StoreId, role: StoreRole, *, wrote: bool = False) -> None:
    """Remembers who answered: the last one that was written to, else the first that was read."""
    if wrote or _served_by.get() is None:
        _served_by.set(ServedBy(store_id, role))


def current() -> ServedBy | None:
    """Who the request is said to be served by, if anybody answered."""
    return _served_by.get()


@contextmanager
def suspended() -> Iterator[None]:
    """What is done inside is no part of what the answer is about."""
    token = _served_by.set(None)
    try:
        yield
    finally:
        _served_by.reset(token)


def reset() -> None:
    """Starts a new request."""
    _served_by.set(None)
