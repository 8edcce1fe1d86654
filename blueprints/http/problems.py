"""Errors as application/problem+json (RFC 9457), from one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, InternalServerError

from blueprints.http.strict_json import NotJson, dumps
from dinerapp.errors import (
    AlreadyExists,
    Contended,
    DinerError,
    DuplicateKey,
    InvalidRecord,
    KeyReused,
    NotAuthenticated,
    NotFound,
    NothingAvailable,
    NotPermitted,
    Refused,
    RuleBroken,
    SoldOut,
    StaleVersion,
    StoreFailure,
    TooBusy,
    Unacceptable,
)
from dinerapp.services.feed import TooManyStreams
from dinerapp.services.saving import PreconditionFailed

_log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
MOST_ERRORS = 100
PASSED_ON = ("Allow", "Retry-After", "WWW-Authenticate")
THE_BODY = "the body"
Errors = Mapping[str, list[str]]


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    errors: Errors | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One error answer."""
    body: dict[str, Any] = {
        "type": f"urn:dinerapp:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": errors or {},
        "request_id": g.get("request_id"),
    }
    return Response(dumps(body), status, headers=headers, content_type=CONTENT_TYPE)


def _not_json(exc: NotJson) -> Response:
    return problem(400, "malformed-json", "The body is not acceptable JSON", str(exc))


def _invalid(exc: InvalidRecord) -> Response:
    return problem(
        422,
        "validation",
        "The request is not valid",
        f"{exc.field or THE_BODY}: {exc.reason}",
        {exc.field or THE_BODY: [exc.reason]},
    )


def _not_found(exc: NotFound) -> Response:
    return problem(404, "not-found", "There is no such record", str(exc))


def _exists(_exc: AlreadyExists) -> Response:
    return problem(409, "already-exists", "It exists already", "a record with this id exists")


def _stale(exc: StaleVersion) -> Response:
    return _busy({"ETag": f'"{exc.stored.version}"'})


def _contended(_exc: Contended) -> Response:
    return _busy({})


def _busy(headers: Mapping[str, str]) -> Response:
    return problem(
        409,
        "busy",
        "The record keeps changing",
        "others changed the record at the same time, again and again; try again",
        headers={"Retry-After": "1", **headers},
    )


def _precondition(exc: PreconditionFailed) -> Response:
    return problem(
        412,
        "stale-version",
        "The record has changed since it was read",
        "If-Match names another version than the current one, which is in ETag",
        headers={"ETag": f'"{exc.stored.version}"'},
    )


def _key_reused(_exc: KeyReused) -> Response:
    return problem(
        422,
        "key-reused",
        "The Idempotency-Key belongs to another request",
        "this Idempotency-Key was used before with another body",
        {"Idempotency-Key": ["was used before with another body"]},
    )


def _duplicate(exc: DuplicateKey) -> Response:
    return problem(
        409,
        "duplicate",
        "The value is taken",
        str(exc),
        {exc.field: ["is taken by another record"]},
    )


def _sold_out(exc: SoldOut) -> Response:
    errors = {exc.field: [exc.reason]} if exc.field else None
    return problem(409, "sold-out", "Not enough is left", exc.reason, errors)


def _unacceptable(exc: Unacceptable) -> Response:
    field = exc.field or THE_BODY
    return problem(
        422,
        "validation",
        "The request is not valid",
        f"{field}: {exc.reason}",
        {field: [exc.reason]},
    )


def _rule(exc: RuleBroken) -> Response:
    errors = {exc.field: [exc.reason]} if exc.field else None
    return problem(409, "rule", "This cannot be done now", exc.reason, errors)


def _refused(_exc: Refused) -> Response:
    return problem(
        422, "refused", "The record cannot be stored", "the database refuses this record"
    )


def _not_authenticated(exc: NotAuthenticated) -> Response:
    return problem(
        401,
        "unauthorized",
        "Say who you are",
        exc.reason,
        headers={"WWW-Authenticate": "Bearer"},
    )


def _not_permitted(exc: NotPermitted) -> Response:
    return problem(403, "forbidden", "This is for others to do", exc.reason)


def _too_busy(exc: TooBusy) -> Response:
    return problem(503, "too-busy", "Too much at once", str(exc), headers={"Retry-After": "1"})


def _nothing(exc: NothingAvailable | StoreFailure) -> Response:
    wait = exc.retry_after if isinstance(exc, NothingAvailable) else 2
    return problem(
        503,
        "unavailable",
        "The databases cannot be reached",
        "no database that could answer is reachable; the request may be repeated as it is, "
        "with the same Idempotency-Key",
        headers={"Retry-After": str(wait)},
    )


def _streams(exc: TooManyStreams) -> Response:
    return problem(
        503,
        "too-many-streams",
        "There are too many live streams",
        str(exc),
        headers={"Retry-After": str(exc.retry_after)},
    )


def _http(exc: HTTPException) -> Response:
    if exc.response is not None and isinstance(exc.response, Response):
        return exc.response
    status = exc.code or 500
    errors = flattened(getattr(exc, "data", {}).get("messages", {}))
    detail = exc.description or exc.name
    if errors:
        detail = "; ".join(f"{name}: {words[0]}" for name, words in list(errors.items())[:5])
    slug = "validation" if status == 422 else exc.name.lower().replace(" ", "-")
    title = "The request is not valid" if status == 422 else exc.name
    headers = {name: value for name, value in exc.get_headers() if name in PASSED_ON}
    return problem(status, slug, title, detail, errors, headers)


def _unexpected(exc: Exception) -> Response:
    _log.error("request_failed", exc_info=exc)
    return _http(InternalServerError(f"something went wrong; quote {g.get('request_id')}"))


TABLE: tuple[tuple[type[Exception], Callable[[Any], Response]], ...] = (
    (NotJson, _not_json),
    (InvalidRecord, _invalid),
    (NotFound, _not_found),
    (AlreadyExists, _exists),
    (StaleVersion, _stale),
    (PreconditionFailed, _precondition),
    (KeyReused, _key_reused),
    (DuplicateKey, _duplicate),
    (SoldOut, _sold_out),
    (Unacceptable, _unacceptable),
    (RuleBroken, _rule),
    (NotAuthenticated, _not_authenticated),
    (NotPermitted, _not_permitted),
    (TooBusy, _too_busy),
    (Refused, _refused),
    (TooManyStreams, _streams),
    (NothingAvailable, _nothing),
    (Contended, _contended),
    (StoreFailure, _nothing),
    (HTTPException, _http),
    (DinerError, _unexpected),
    (Exception, _unexpected),
)


def register(app: Flask) -> None:
    """Makes every error of the application an answer."""
    for error, handler in TABLE:
        app.register_error_handler(error, handler)


def flattened(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages as `items.0.quantity: [...]`, without the location.

    The first hundred say enough: a small body can be wrong in ten thousand places.
    """
    if not path and isinstance(messages, dict) and len(messages) == 1:
        (location, inner), *_ = messages.items()
        if location in ("json", "query", "headers", "path"):
            messages = inner
    return dict(islice(_flat(messages, path), MOST_ERRORS))


def _flat(messages: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            name = "" if name == "_schema" else str(name)
            yield from _flat(inner, ".".join(filter(None, (path, name))))
    else:
        words = messages if isinstance(messages, list) else [messages]
        yield path or THE_BODY, [str(word) for word in words]
