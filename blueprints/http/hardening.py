"""Headers that keep browsers and caches from doing with answers what nobody asked them to."""

from __future__ import annotations

from flask import Flask, Request, Response, current_app
from flask.globals import request_ctx
from werkzeug.datastructures import Headers

from blueprints.http.access import PUBLIC, rule_of
from blueprints.http.headers import ETAG

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_A_YEAR = "max-age=31536000"
_HTML = "text/html"


def register(app: Flask) -> None:
    """Answers of all routes; what a view has set itself stays."""
    app.after_request(_harden)


def _harden(response: Response) -> Response:
    asked, given = request_ctx.request, response.headers
    for name, value in _ALWAYS.items():
        given.add(name, value)
    given.setdefault("Content-Security-Policy", _PAGE if response.mimetype == _HTML else _NO_PAGE)
    given.setdefault("Cache-Control", _caching(asked, given))
    if asked.is_secure:
        given.setdefault("Strict-Transport-Security", _A_YEAR)
    return response


def _caching(asked: Request, given: Headers) -> str:
    """What everybody gets may be kept and asked for again by its ETag; all else is personal."""
    if ETAG not in given or asked.method not in ("GET", "HEAD"):
        return "no-store"
    view = current_app.view_functions.get(asked.endpoint or "")
    return "no-cache" if view is not None and rule_of(view) == PUBLIC else "no-store"
