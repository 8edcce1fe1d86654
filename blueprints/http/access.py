"""Who may do what, until there are accounts: with OPEN_ACCESS everybody is staff."""

from __future__ import annotations

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from blueprints.http.diner import diner

_BEARER = "bearer"


def require_staff() -> None:
    """Lets staff pass."""
    if not diner().settings.open_access:
        raise Forbidden("this needs a staff account; OPEN_ACCESS is off and there are none yet")


def require_order(order_id: str) -> None:
    """Lets staff pass, and whoever has the order's access token."""
    if diner().settings.open_access:
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != _BEARER or not token.strip():
        raise Unauthorized(
            "send the order's access token as `Authorization: Bearer …`",
            www_authenticate=WWWAuthenticate(_BEARER),
        )
    if not diner().orders.opens(token.strip(), order_id):
        raise Forbidden("this access token is not of this order")


def actor() -> str:
    """Who is written into the history."""
    return "staff" if diner().settings.open_access else "guest"
