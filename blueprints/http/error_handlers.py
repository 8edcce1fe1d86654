"""Errors as application/problem+json (RFC 9457), from one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import marshmallow as ma
import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, InternalServerError

from blueprints.http import problem_types
from blueprints.http.problem_types import ProblemType
from blueprints.http.strict_json import NotJson
from dinerapp.accounts.errors import NotAuthenticated, NotPermitted, TooBusy
from dinerapp.live.feed import TooManyStreams
from dinerapp.ordering.errors import SoldOut
from dinerapp.replication.errors import (
    AlreadyExists,
    Contended,
    DinerError,
    DuplicateKey,
    InvalidRecord,
    InvalidRequest,
    KeyReused,
    NoStoreAvailable,
    NotFound,
    RuleViolation,
    StaleVersion,
    StoreFailure,
    UnstorableRecord,
)
from dinerapp.replication.saving import PreconditionFailed

_log = structlog.get_logger(__name__)

MAX_ERRORS = 100
MAX_ERRORS_IN_DETAIL = 5
FORWARDED_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
BODY_FIELD = "the body"
TYPES_BY_STATUS: Mapping[int, ProblemType] = {
    one.status: one
    for one in (
        problem_types.NOT_FOUND,
        problem_types.TOO_LARGE,
        problem_types.UNSUPPORTED_MEDIA_TYPE,
        problem_types.INVALID,
    )
}


def _not_json(exc: NotJson) -> Response:
    return problem_types.MALFORMED_JSON.response(str(exc))


def _not_valid(exc: ma.ValidationError) -> Response:
    errors = flatten_errors(exc.messages)
    detail = "; ".join(
        f"{name}: {words[0]}" for name, words in islice(errors.items(), MAX_ERRORS_IN_DETAIL)
    )
    return problem_types.INVALID.response(detail, errors)


def _invalid(exc: InvalidRecord) -> Response:
    return _field_problem(problem_types.INVALID, exc.field, exc.reason)


def _not_found(exc: NotFound) -> Response:
    return problem_types.NOT_FOUND.response(str(exc))


def _exists(_exc: AlreadyExists) -> Response:
    return problem_types.ALREADY_EXISTS.response()


def _stale(exc: StaleVersion) -> Response:
    return _busy({"ETag": f'"{exc.stored.version}"'})


def _contended(_exc: Contended) -> Response:
    return _busy({})


def _busy(headers: Mapping[str, str]) -> Response:
    return problem_types.BUSY.response(headers={"Retry-After": "1", **headers})


def _precondition_failed(exc: PreconditionFailed) -> Response:
    return problem_types.STALE_VERSION.response(headers={"ETag": f'"{exc.stored.version}"'})


def _key_reused(_exc: KeyReused) -> Response:
    return problem_types.KEY_REUSED.response(errors=problem_types.KEY_REUSED.errors)


def _duplicate(exc: DuplicateKey) -> Response:
    return problem_types.DUPLICATE.response(
        str(exc), {exc.field: ["is already used by another record"]}
    )


def _sold_out(exc: SoldOut) -> Response:
    return _rule_broken(exc, problem_types.SOLD_OUT)


def _unacceptable(exc: InvalidRequest) -> Response:
    return _field_problem(problem_types.INVALID, exc.field, exc.reason)


def _rule_broken(exc: RuleViolation, problem: ProblemType = problem_types.RULE_BROKEN) -> Response:
    return problem.response(exc.reason, {exc.field: [exc.reason]} if exc.field else None)


def _field_problem(problem: ProblemType, field: str | None, reason: str) -> Response:
    field = field or BODY_FIELD
    return problem.response(f"{field}: {reason}", {field: [reason]})


def _refused(_exc: UnstorableRecord) -> Response:
    return problem_types.REFUSED.response()


def _not_authenticated(exc: NotAuthenticated) -> Response:
    return problem_types.UNAUTHORIZED.response(exc.reason, headers={"WWW-Authenticate": "Bearer"})


def _not_permitted(exc: NotPermitted) -> Response:
    return problem_types.FORBIDDEN.response(exc.reason)


def _too_busy(exc: TooBusy) -> Response:
    return problem_types.TOO_BUSY.response(str(exc), headers={"Retry-After": "1"})


def _unavailable(exc: NoStoreAvailable | StoreFailure) -> Response:
    wait = exc.retry_after if isinstance(exc, NoStoreAvailable) else 2
    return problem_types.UNAVAILABLE.response(headers={"Retry-After": str(wait)})


def _too_many_streams(exc: TooManyStreams) -> Response:
    wait = {"Retry-After": str(exc.retry_after)}
    return problem_types.TOO_MANY_STREAMS.response(str(exc), headers=wait)


def _http_error(exc: HTTPException) -> Response:
    if exc.response is not None and isinstance(exc.response, Response):
        return exc.response
    headers = {name: value for name, value in exc.get_headers() if name in FORWARDED_HEADERS}
    return _problem_type(exc).response(exc.description or exc.name, headers=headers)


def _problem_type(exc: HTTPException) -> ProblemType:
    """Our own type, or one named after the HTTP status."""
    status = exc.code or 500
    slug = exc.name.lower().replace(" ", "-")
    return TYPES_BY_STATUS.get(status) or ProblemType(status, slug, exc.name, exc.name)


def _unexpected(exc: Exception) -> Response:
    _log.error("request_failed", exc_info=exc)
    reason = f"something went wrong; quote the request id {g.get('request_id')} when you report it"
    return _http_error(InternalServerError(reason))


HANDLERS: tuple[tuple[type[Exception], Callable[[Any], Response]], ...] = (
    (NotJson, _not_json),
    (ma.ValidationError, _not_valid),
    (InvalidRecord, _invalid),
    (NotFound, _not_found),
    (AlreadyExists, _exists),
    (StaleVersion, _stale),
    (PreconditionFailed, _precondition_failed),
    (KeyReused, _key_reused),
    (DuplicateKey, _duplicate),
    (SoldOut, _sold_out),
    (InvalidRequest, _unacceptable),
    (RuleViolation, _rule_broken),
    (NotAuthenticated, _not_authenticated),
    (NotPermitted, _not_permitted),
    (TooBusy, _too_busy),
    (UnstorableRecord, _refused),
    (TooManyStreams, _too_many_streams),
    (NoStoreAvailable, _unavailable),
    (Contended, _contended),
    (StoreFailure, _unavailable),
    (HTTPException, _http_error),
    (DinerError, _unexpected),
    (Exception, _unexpected),
)


def register(app: Flask) -> None:
    """Turns every error of the application into a response."""
    for error, handler in HANDLERS:
        app.register_error_handler(error, handler)


def flatten_errors(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages, flattened to `items.0.quantity: [...]`.

    Limited to the first hundred: a small body can have errors in ten thousand places.
    """
    return dict(islice(_iter_errors(messages, path), MAX_ERRORS))


def _iter_errors(messages: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            name = "" if name == "_schema" else str(name)
            yield from _iter_errors(inner, ".".join(filter(None, (path, name))))
    else:
        words = messages if isinstance(messages, list) else [messages]
        yield path or BODY_FIELD, [str(word) for word in words]
