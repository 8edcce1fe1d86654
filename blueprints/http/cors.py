"""Which origins may call the API from a browser: none, unless the settings name them.

Callers authenticate with a token in a header, never with cookies, so credentials are not allowed.
"""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, Response, request

from blueprints.http.headers import REQUEST_HEADERS, REQUEST_ID, RESPONSE_HEADERS

ANY_ORIGIN = "*"
_MAX_AGE_SECONDS = "3600"
_ALLOWED_HEADERS = ", ".join(["Authorization", "Content-Type", *REQUEST_HEADERS, REQUEST_ID])
_EXPOSED_HEADERS = ", ".join(RESPONSE_HEADERS)


def register(app: Flask, origins: Collection[str]) -> None:
    """Does nothing if there are no origins."""
    if not origins:
        return

    def share(response: Response) -> Response:
        if ANY_ORIGIN not in origins:
            response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin is not None and (ANY_ORIGIN in origins or origin in origins):
            _allow(response, ANY_ORIGIN if ANY_ORIGIN in origins else origin)
        return response

    app.after_request(share)


def _allow(response: Response, origin: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
        response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = _MAX_AGE_SECONDS
