"""Which store answered the request at hand, and in which role; answers say so in their headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import NamedTuple

from dinerapp.replication.version import Place


class Role(StrEnum):
    """What a store is to a kind of record."""

    PRIMARY = "primary"
    BACKUP = "backup"


class Served(NamedTuple):
    """A store that answered, in its role."""

    place: Place
    role: Role


_served: ContextVar[Served | None] = ContextVar("served", default=None)


def note(place: Place, role: Role, *, wrote: bool = False) -> None:
    """Remembers who answered: the last one that was written to, else the first that was read."""
    if wrote or _served.get() is None:
        _served.set(Served(place, role))


def by_whom() -> Served | None:
    """Who the request is said to be served by, if anybody answered."""
    return _served.get()


@contextmanager
def aside() -> Iterator[None]:
    """What is done inside is no part of what the answer is about."""
    token = _served.set(None)
    try:
        yield
    finally:
        _served.reset(token)


def forget() -> None:
    """Starts a new request."""
    _served.set(None)
