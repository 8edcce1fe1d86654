"""The application's services, as routes reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import current_app

W = TypeVar("W")

EXTENSION = "diner_services"


def services_of(container: type[W]) -> Callable[[], W]:
    """What gives a wing's services to the request at hand: `services = services_of(…)` once, and
    `services().orders` in a route."""

    def services() -> W:
        found: W = current_app.extensions[EXTENSION].of(container)
        return found

    return services
