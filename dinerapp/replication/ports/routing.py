"""How the composite routes each method of a port to one store or the other.

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
    """How a method is routed."""

    FIND_ONE = "find_one"
    QUERY = "query"
    COMMAND = "command"


def find_one(method: F) -> F:
    """Finds one record or raises NotFound; if one store does not have it, the other is asked."""
    return _mark(method, Route.FIND_ONE)


def query(method: F) -> F:
    """Answered by the serving store alone."""
    return _mark(method, Route.QUERY)


def command(method: F) -> F:
    """Changes records; the composite implements it itself."""
    return _mark(method, Route.COMMAND)


def route_of(port: type, name: str) -> Route | None:
    """The mark on the method, from whichever base of the port declares it."""
    for base in port.__mro__:
        method = base.__dict__.get(name)
        if method is not None and hasattr(method, _ROUTE_ATTRIBUTE):
            return Route(getattr(method, _ROUTE_ATTRIBUTE))
    return None


def _mark(method: F, route: Route) -> F:
    setattr(method, _ROUTE_ATTRIBUTE, route)
    return method
