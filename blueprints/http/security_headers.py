"""Headers that restrict what browsers and caches may do with responses."""

from __future__ import annotations

from flask import Flask, Request, Response, current_app
from flask.globals import request_ctx
from werkzeug.datastructures import Headers

from blueprints.http.access import PUBLIC, rule_of
from blueprints.http.headers import ETAG

_FIXED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_API_CSP = "default-src 'none'; frame-ancestors 'none'"
_PAGE_CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_HSTS = "max-age=31536000"
_HTML_MIMETYPE = "text/html"


def register(app: Flask) -> None:
    """Adds the headers to the responses of all routes; a view's own headers stay."""
    app.after_request(_add_security_headers)


def _add_security_headers(response: Response) -> Response:
    asked, given = request_ctx.request, response.headers
    for name, value in _FIXED_HEADERS.items():
        given.add(name, value)
    given.setdefault(
        "Content-Security-Policy", _PAGE_CSP if response.mimetype == _HTML_MIMETYPE else _API_CSP
    )
    given.setdefault("Cache-Control", _cache_control(asked, given))
    if asked.is_secure:
        given.setdefault("Strict-Transport-Security", _HSTS)
    return response


def _cache_control(asked: Request, given: Headers) -> str:
    """Public responses may be cached and revalidated with their ETag; all others are private."""
    if ETAG not in given or asked.method not in ("GET", "HEAD"):
        return "no-store"
    view = current_app.view_functions.get(asked.endpoint or "")
    return "no-cache" if view is not None and rule_of(view) == PUBLIC else "no-store"
