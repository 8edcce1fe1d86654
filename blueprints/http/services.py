"""Access of routes to the application's services."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import current_app

W = TypeVar("W")

EXTENSION = "diner_services"


def services_of(container: type[W]) -> Callable[[], W]:
    """A function that returns a wing's services for the current request: `services =
    services_of(…)` once, and `services().orders` in a route."""

    def services() -> W:
        found: W = current_app.extensions[EXTENSION].of(container)
        return found

    return services
