"""Which store answered the request at hand, and in which role; answers say so in their headers."""

from __future__ import annotations

from contextvars import ContextVar
from enum import StrEnum
from typing import NamedTuple

from dinerapp.domain.version import Place


class Role(StrEnum):
    """What a store is to a kind of record."""

    PRIMARY = "primary"
    BACKUP = "backup"


class Served(NamedTuple):
    """The latest store that answered."""

    place: Place
    role: Role


_served: ContextVar[Served | None] = ContextVar("served", default=None)


def note(place: Place, role: Role) -> None:
    """Remembers who answered; the last one is who the request is said to be served by."""
    _served.set(Served(place, role))


def last() -> Served | None:
    """Who answered last, if anybody did."""
    return _served.get()


def forget() -> None:
    """Starts a new request."""
    _served.set(None)
