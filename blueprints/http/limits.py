"""How often somebody may do what is expensive or worth guessing: in Redis if there is one."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, TypeVar

from flask import Flask, Response, request
from flask_limiter import Limiter, RequestLimit

from blueprints.http.access import caller
from blueprints.http.refusals import TOO_MANY
from dinerapp.domain.users import normalised
from dinerapp.settings import Settings

V = TypeVar("V", bound=Callable[..., Any])

_MARK = "__diner_limits__"
_NEIGHBOURS = 64
"""An IPv6 customer has a whole network of this size; they count as one client."""
_REDIS_SECONDS = 0.2


class Limited(StrEnum):
    """What is counted; the settings say how much of it is too much."""

    LOGIN = "login"
    ACCOUNT = "account"
    REGISTER = "register"
    ORDER = "order"
    CART = "cart"
    LOOKUP = "lookup"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class _Count:
    """By what requests are told apart, and which are not counted."""

    key: Callable[[], str]
    exempt: Callable[[], bool] | None = None


def limited(*what: Limited) -> Callable[[V], V]:
    """Marks a view as counted."""

    def decorate(view: V) -> V:
        setattr(view, _MARK, what)
        return view

    return decorate


def register(app: Flask, settings: Settings) -> None:
    """Puts the limits in front of the views that are marked.

    Without Redis each process counts for itself, and so does it while Redis is away.
    """
    limiter = Limiter(
        client_address,
        app=app,
        storage_uri=_storage(settings),
        storage_options=_options(settings),
        in_memory_fallback_enabled=settings.redis_url is not None,
        on_breach=_too_many,
    )
    for endpoint, view in app.view_functions.items():
        for what in reversed(getattr(view, _MARK, ())):
            allowed: str = getattr(settings, f"{what}_limit")
            if allowed:
                view = _counted(view, limiter, allowed, what)
        app.view_functions[endpoint] = view


def client_address() -> str:
    """Who is at the other end, as far as trusted proxies tell."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _NEIGHBOURS), strict=False))


def _counted(view: V, limiter: Limiter, allowed: str, what: Limited) -> V:
    count = _COUNTS[what]
    counts = limiter.limit(allowed, key_func=count.key, exempt_when=count.exempt, scope=what.value)
    counted: V = counts(view)  # type: ignore[assignment]
    return counted


def _account() -> str:
    """Whoever is logged in, or the address somebody wants to log in with, which need not be
    anybody's."""
    body = request.get_json(silent=True)
    email = body.get("email") if isinstance(body, dict) else None
    if not isinstance(email, str):
        return _customer()
    return _digest(normalised(email))


def _phone() -> str:
    """The number, however it is written."""
    digits = "".join(filter(str.isdigit, request.args.get("phone", "")))
    return _digest(digits) if digits else client_address()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _customer() -> str:
    return caller().user_id or client_address()


def _is_staff() -> bool:
    return caller().is_staff


_COUNTS: Mapping[Limited, _Count] = {
    Limited.LOGIN: _Count(client_address),
    Limited.ACCOUNT: _Count(_account),
    Limited.REGISTER: _Count(client_address),
    Limited.ORDER: _Count(_customer, _is_staff),
    Limited.CART: _Count(_customer, _is_staff),
    Limited.LOOKUP: _Count(client_address),
    Limited.PHONE: _Count(_phone),
}


def _storage(settings: Settings) -> str:
    url = settings.redis_url or "memory://"
    return f"redis+{url}" if url.startswith("unix:") else url


def _options(settings: Settings) -> dict[str, Any]:
    if settings.redis_url is None:
        return {}
    return {"socket_connect_timeout": _REDIS_SECONDS, "socket_timeout": _REDIS_SECONDS}


def _too_many(limit: RequestLimit) -> Response:
    wait = max(1, math.ceil(limit.window.reset_time - time.time()))
    words = f"at most {limit.limit} are taken; try again in {wait} s"
    return TOO_MANY.answer(words, headers={"Retry-After": str(wait)})
