"""Which store served the current request, and in which role; response headers say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import NamedTuple

from dinerapp.replication.version import StoreId


class StoreRole(StrEnum):
    """The role of a store for a kind of record."""

    PRIMARY = "primary"
    BACKUP = "backup"


class ServedBy(NamedTuple):
    """A store and the role in which it answered."""

    store_id: StoreId
    role: StoreRole


_served_by: ContextVar[ServedBy | None] = ContextVar("served", default=None)


def record(store_id: StoreId, role: StoreRole, *, wrote: bool = False) -> None:
    """Records a store that answered. The last one written to counts, else the first one read."""
    if wrote or _served_by.get() is None:
        _served_by.set(ServedBy(store_id, role))


def current() -> ServedBy | None:
    """The store that counts as serving the request, if any has answered."""
    return _served_by.get()


@contextmanager
def suspended() -> Iterator[None]:
    """Store calls inside are side work and do not count as serving the request."""
    token = _served_by.set(None)
    try:
        yield
    finally:
        _served_by.reset(token)


def reset() -> None:
    """Clears the record for a new request."""
    _served_by.set(None)
