"""Hooks around every request: its id, its deadline, and the store that served it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints.http.strict_json import StrictJSONProvider
from dinerapp.replication import deadline, served_by
from dinerapp.replication.identity import new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CONTENT_LENGTH = "Content-Length"
BUSY_SECONDS = 0.1
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class ConcurrencyLimit:
    """Limits how many requests are handled at a time. `threading.Semaphore` would cost as much as a
    small request."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entered_at = 0.0
        self._free_slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(limit):
            self._free_slots.put(None)

    def __enter__(self) -> None:
        self._free_slots.get()
        self._entered_at = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._free_slots.put(None)

    def is_busy(self) -> bool:
        """Whether a request is being handled or has just been: small ones are rarely caught in
        progress."""
        if self._free_slots.qsize() < self._limit:
            return True
        return time.monotonic() - self._entered_at < BUSY_SECONDS


class FastResponse(Response):
    """A response whose body is a list, which servers send at once instead of iterating over it;
    skips the copies of all headers that werkzeug makes for relative locations and for empty bodies.
    """

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        if self._on_close or not self.is_sequence:
            return super().get_app_iter(environ)
        has_none = environ["REQUEST_METHOD"] == "HEAD" or self.status_code in (204, 304)
        return [] if has_none else [*self.iter_encoded()]

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        if self.status_code == 200 and CONTENT_LENGTH in self.headers:
            return self.headers
        return super().get_wsgi_headers(environ)


class DinerFlask(Flask):
    """Flask with strict JSON and one deadline for all store calls of a request.

    `concurrency_limit` bounds how many requests are handled at a time. Sending the response does
    not count: live streams occupy threads of the server only.
    """

    response_class = FastResponse
    json_provider_class = StrictJSONProvider
    request_seconds = 1.0
    concurrency_limit: AbstractContextManager[object] = nullcontext()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Skips Flask's check for coroutine views, which runs a dozen times per request."""
        return func

    def full_dispatch_request(self) -> Response:
        with self.concurrency_limit, deadline.within(self.request_seconds):
            return super().full_dispatch_request()


def trust_proxies(app: Flask, proxies: int) -> None:
    """Trusts the given number of proxies for the client's address and the scheme."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]


def register(app: Flask) -> None:
    """Registers the hooks."""
    app.before_request(_begin_request)
    app.after_request(_finish_response)


def _begin_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
    served_by.reset()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _finish_response(response: Response) -> Response:
    # These are never set before; unlike assignment, `add` does not search for them.
    response.headers.add("X-Request-Id", g.get("request_id", ""))
    served = served_by.current()
    # A caller who is not authenticated must not learn whether a store was asked about them.
    if served is not None and response.status_code < 500 and response.status_code != 401:
        response.headers.add("X-Diner-Store", served.store_id)
        response.headers.add("X-Diner-Role", served.role)
    return response
