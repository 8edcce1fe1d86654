"""How often somebody may do what is expensive or worth guessing: in Redis if there is one."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, TypeVar, cast

from flask import Flask, Response, request
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from blueprints.http.access import caller
from blueprints.http.refusals import TOO_MANY
from dinerapp.accounts.domain.users import normalised

V = TypeVar("V", bound=Callable[..., Any])

_MARK = "__diner_limits__"
_NEIGHBOURS = 64
"""An IPv6 customer has a whole network of this size; they count as one client."""
_REDIS_SECONDS = 0.2
_REDIS_REST = 5.0
"""How long Redis is left alone once it has not answered."""


class Limited(StrEnum):
    """What is counted; the settings say how much of it is too much."""

    LOGIN = "login"
    ACCOUNT = "account"
    REGISTER = "register"
    ORDER = "order"
    CART = "cart"
    MESSAGE = "message"
    LOOKUP = "lookup"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class _Who:
    """By what requests are told apart, and which are not counted."""

    key: Callable[[], str]
    exempt: Callable[[], bool] | None = None


def limited(*what: Limited) -> Callable[[V], V]:
    """Marks a view as counted."""

    def decorate(view: V) -> V:
        setattr(view, _MARK, what)
        return view

    return decorate


def register(app: Flask, allowed: Mapping[str, str], redis_url: str | None) -> None:
    """Puts the limits in front of the views that are marked. `allowed` says how much of what."""
    counters = _Counters(redis_url)
    for endpoint, view in app.view_functions.items():
        limits = [_Limit.of(what, allowed[what]) for what in getattr(view, _MARK, ())]
        limits = [limit for limit in limits if limit.windows]
        if limits:
            app.view_functions[endpoint] = _counted(view, limits, counters)


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


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is counted, and within which windows how much of it is too much."""

    what: Limited
    windows: Sequence[RateLimitItem]

    @classmethod
    def of(cls, what: Limited, allowed: str) -> _Limit:
        return cls(what, parse_many(allowed) if allowed else ())


@dataclass(frozen=True, slots=True)
class _Full:
    """A window that takes no more until it is over."""

    window: RateLimitItem
    until: float


class _Counters:
    """Shared by all processes through Redis, if there is one. Without it each process counts for
    itself, and so does it for a while when Redis does not answer."""

    def __init__(self, redis_url: str | None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = redis_url and FixedWindowRateLimiter(_storage(redis_url))
        self._away_until = 0.0

    def count(self, limit: _Limit, who: str) -> _Full | None:
        """Counts one more, and says where it is one too many."""
        if self._shared and time.monotonic() >= self._away_until:
            try:
                return _count(self._shared, limit, who)
            except StorageError:
                self._away_until = time.monotonic() + _REDIS_REST
        return _count(self._own, limit, who)


def _count(counter: FixedWindowRateLimiter, limit: _Limit, who: str) -> _Full | None:
    for window in limit.windows:
        if not counter.hit(window, limit.what, who):
            return _Full(window, counter.get_window_stats(window, limit.what, who).reset_time)
    return None


def _counted(view: V, limits: Sequence[_Limit], counters: _Counters) -> V:
    @wraps(view)
    def counted(*args: Any, **options: Any) -> Any:
        for limit in limits:
            who = _WHO[limit.what]
            if who.exempt is not None and who.exempt():
                continue
            full = counters.count(limit, who.key())
            if full is not None:
                return _too_many(full)
        return view(*args, **options)

    return cast(V, counted)


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


_WHO: Mapping[Limited, _Who] = {
    Limited.LOGIN: _Who(client_address),
    Limited.ACCOUNT: _Who(_account),
    Limited.REGISTER: _Who(client_address),
    Limited.ORDER: _Who(_customer, _is_staff),
    Limited.CART: _Who(_customer, _is_staff),
    Limited.MESSAGE: _Who(_customer, _is_staff),
    Limited.LOOKUP: _Who(client_address),
    Limited.PHONE: _Who(_phone),
}


def _storage(redis_url: str) -> Storage:
    uri = f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url
    wait = {"socket_connect_timeout": _REDIS_SECONDS, "socket_timeout": _REDIS_SECONDS}
    return cast(Storage, storage_from_string(uri, wrap_exceptions=True, **wait))


def _too_many(full: _Full) -> Response:
    wait = max(1, math.ceil(full.until - time.time()))
    words = f"at most {full.window} are taken; try again in {wait} s"
    return TOO_MANY.answer(words, headers={"Retry-After": str(wait)})
