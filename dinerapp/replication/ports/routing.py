"""How the fallback composite sends each method of a port to one store or the other.

Every method of a port carries one of these marks, whether it is abstract or written in the port; a
port with an unmarked method cannot be composed, and the application does not start.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_ROUTE_ATTRIBUTE = "__diner_route__"


class Route(StrEnum):
    """What a method is, as far as routing is concerned."""

    FIND_ONE = "lookup"
    QUERY = "question"
    COMMAND = "command"


def find_one(method: F) -> F:
    """Finds one record or raises NotFound; not found in one store is asked of the other."""
    return _mark(method, Route.FIND_ONE)


def query(method: F) -> F:
    """Answered by the store that is serving, alone."""
    return _mark(method, Route.QUERY)


def command(method: F) -> F:
    """Changes records. The composite has its own implementation."""
    return _mark(method, Route.COMMAND)


def route_of(port: type, name: str) -> Route | None:
    """The mark on the method, wherever in the port's bases it was declared."""
    for base in port.__mro__:
        method = base.__dict__.get(name)
        if method is not None and hasattr(method, _ROUTE_ATTRIBUTE):
            return Route(getattr(method, _ROUTE_ATTRIBUTE))
    return None


def _mark(method: F, route: Route) -> F:
    setattr(method, _ROUTE_ATTRIBUTE, route)
    return method
