"""The application's services, as routes reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from dinerapp.runtime.wiring import Diner

EXTENSION = "diner"


def diner() -> Diner:
    """What the factory put together."""
    found: Diner = current_app.extensions[EXTENSION]
    return found
