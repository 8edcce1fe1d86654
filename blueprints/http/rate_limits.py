"""Rate limits for requests that are expensive or useful for guessing; in Redis if it is set."""

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
from blueprints.http.problem_types import TOO_MANY_REQUESTS
from dinerapp.accounts.domain.users import MAX_EMAIL_LENGTH, normalise_email

V = TypeVar("V", bound=Callable[..., Any])

_LIMITS_ATTRIBUTE = "__diner_limits__"
_IPV6_PREFIX_LENGTH = 64
"""An IPv6 customer has a whole network of this size, which counts as one client."""
_REDIS_TIMEOUT_SECONDS = 0.2
_REDIS_RETRY_SECONDS = 5.0
"""After a failure Redis is not tried again for this long."""


class RateLimit(StrEnum):
    """What is limited; the settings say how often."""

    LOGIN = "login"
    ACCOUNT = "account"
    REGISTER = "register"
    ORDER = "order"
    CART = "cart"
    MESSAGE = "message"
    LOOKUP = "lookup"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class _Subject:
    """How requests are grouped for counting, and which are not counted."""

    key: Callable[[], str]
    exempt: Callable[[], bool] | None = None


def rate_limit(*what: RateLimit) -> Callable[[V], V]:
    """Marks a view as rate limited."""

    def decorate(view: V) -> V:
        setattr(view, _LIMITS_ATTRIBUTE, what)
        return view

    return decorate


def register(app: Flask, allowed: Mapping[str, str], redis_url: str | None) -> None:
    """Applies the limits to all views that are marked. `allowed` has the windows by the name of the
    limit."""
    counters = _Counters(redis_url)
    for endpoint, view in app.view_functions.items():
        limits = [
            _Quota.from_settings(what, allowed[what])
            for what in getattr(view, _LIMITS_ATTRIBUTE, ())
        ]
        limits = [limit for limit in limits if limit.windows]
        if limits:
            app.view_functions[endpoint] = _enforce(view, limits, counters)


def client_address() -> str:
    """The client's address, according to the trusted proxies."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _IPV6_PREFIX_LENGTH), strict=False))


@dataclass(frozen=True, slots=True)
class _Quota:
    """What is counted, and the limits within each window."""

    rate_limit: RateLimit
    windows: Sequence[RateLimitItem]

    @classmethod
    def from_settings(cls, rate_limit: RateLimit, allowed: str) -> _Quota:
        return cls(rate_limit, parse_many(allowed) if allowed else ())


@dataclass(frozen=True, slots=True)
class _Exceeded:
    """A window whose limit is reached, and when it resets."""

    window: RateLimitItem
    resets_at: float


class _Counters:
    """Counters that all processes share through Redis, if it is set. Without Redis, and for a while
    after it failed, each process counts for itself."""

    def __init__(self, redis_url: str | None) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = redis_url and FixedWindowRateLimiter(_storage(redis_url))
        self._redis_down_until = 0.0

    def hit(self, limit: _Quota, subject: str) -> _Exceeded | None:
        """Counts one request, and returns the window whose limit it exceeds, if any."""
        if self._shared and time.monotonic() >= self._redis_down_until:
            try:
                return _hit(self._shared, limit, subject)
            except StorageError:
                self._redis_down_until = time.monotonic() + _REDIS_RETRY_SECONDS
        return _hit(self._local, limit, subject)


def _hit(counter: FixedWindowRateLimiter, limit: _Quota, subject: str) -> _Exceeded | None:
    for window in limit.windows:
        if not counter.hit(window, limit.rate_limit, subject):
            return _Exceeded(
                window, counter.get_window_stats(window, limit.rate_limit, subject).reset_time
            )
    return None


def _enforce(view: V, limits: Sequence[_Quota], counters: _Counters) -> V:
    @wraps(view)
    def counted(*args: Any, **options: Any) -> Any:
        for limit in limits:
            who = _SUBJECTS[limit.rate_limit]
            if who.exempt is not None and who.exempt():
                continue
            full = counters.hit(limit, who.key())
            if full is not None:
                return _too_many_requests(full)
        return view(*args, **options)

    return cast(V, counted)


def _account_key() -> str:
    """The user who is logged in, or the address that a client tries to log in with, which need not
    exist. Text that is too long for an address is refused later, and not normalised here."""
    body = request.get_json(silent=True)
    email = body.get("email") if isinstance(body, dict) else None
    if not isinstance(email, str) or len(email) > MAX_EMAIL_LENGTH:
        return _caller_key()
    return _hash_key(normalise_email(email))


def _phone_key() -> str:
    """The normalised number."""
    digits = "".join(filter(str.isdigit, request.args.get("phone", "")))
    return _hash_key(digits) if digits else client_address()


def _hash_key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _caller_key() -> str:
    return caller().user_id or client_address()


def _is_staff() -> bool:
    return caller().is_staff


_SUBJECTS: Mapping[RateLimit, _Subject] = {
    RateLimit.LOGIN: _Subject(client_address),
    RateLimit.ACCOUNT: _Subject(_account_key),
    RateLimit.REGISTER: _Subject(client_address),
    RateLimit.ORDER: _Subject(_caller_key, _is_staff),
    RateLimit.CART: _Subject(_caller_key, _is_staff),
    RateLimit.MESSAGE: _Subject(_caller_key, _is_staff),
    RateLimit.LOOKUP: _Subject(client_address),
    RateLimit.PHONE: _Subject(_phone_key),
}


def _storage(redis_url: str) -> Storage:
    uri = f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url
    wait = {
        "socket_connect_timeout": _REDIS_TIMEOUT_SECONDS,
        "socket_timeout": _REDIS_TIMEOUT_SECONDS,
    }
    return cast(Storage, storage_from_string(uri, wrap_exceptions=True, **wait))


def _too_many_requests(exceeded: _Exceeded) -> Response:
    wait = max(1, math.ceil(exceeded.resets_at - time.time()))
    detail = f"the limit is {exceeded.window}; try again in {wait} s"
    return TOO_MANY_REQUESTS.response(detail, headers={"Retry-After": str(wait)})
