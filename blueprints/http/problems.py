"""Errors as application/problem+json (RFC 9457), from one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import marshmallow as ma
import structlog
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException, InternalServerError

from blueprints.http import refusals
from blueprints.http.refusals import Kind
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
    KeyReused,
    NotFound,
    NothingAvailable,
    Refused,
    RuleBroken,
    StaleVersion,
    StoreFailure,
    Unacceptable,
)
from dinerapp.replication.saving import PreconditionFailed

_log = structlog.get_logger(__name__)

MOST_ERRORS = 100
MOST_TOLD = 5
PASSED_ON = ("Allow", "Retry-After", "WWW-Authenticate")
THE_BODY = "the body"
OF_STATUS: Mapping[int, Kind] = {
    one.status: one
    for one in (refusals.NOT_FOUND, refusals.TOO_LARGE, refusals.OTHER_MEDIA, refusals.INVALID)
}


def _not_json(exc: NotJson) -> Response:
    return refusals.NOT_JSON.answer(str(exc))


def _not_valid(exc: ma.ValidationError) -> Response:
    errors = flattened(exc.messages)
    told = "; ".join(f"{name}: {words[0]}" for name, words in islice(errors.items(), MOST_TOLD))
    return refusals.INVALID.answer(told, errors)


def _invalid(exc: InvalidRecord) -> Response:
    return _of_field(refusals.INVALID, exc.field, exc.reason)


def _not_found(exc: NotFound) -> Response:
    return refusals.NOT_FOUND.answer(str(exc))


def _exists(_exc: AlreadyExists) -> Response:
    return refusals.EXISTS.answer()


def _stale(exc: StaleVersion) -> Response:
    return _busy({"ETag": f'"{exc.stored.version}"'})


def _contended(_exc: Contended) -> Response:
    return _busy({})


def _busy(headers: Mapping[str, str]) -> Response:
    return refusals.BUSY.answer(headers={"Retry-After": "1", **headers})


def _precondition(exc: PreconditionFailed) -> Response:
    return refusals.STALE.answer(headers={"ETag": f'"{exc.stored.version}"'})


def _key_reused(_exc: KeyReused) -> Response:
    return refusals.KEY_REUSED.answer(errors=refusals.KEY_REUSED.errors)


def _duplicate(exc: DuplicateKey) -> Response:
    return refusals.DUPLICATE.answer(str(exc), {exc.field: ["is taken by another record"]})


def _sold_out(exc: SoldOut) -> Response:
    return _rule(exc, refusals.SOLD_OUT)


def _unacceptable(exc: Unacceptable) -> Response:
    return _of_field(refusals.INVALID, exc.field, exc.reason)


def _rule(exc: RuleBroken, kind: Kind = refusals.RULE) -> Response:
    return kind.answer(exc.reason, {exc.field: [exc.reason]} if exc.field else None)


def _of_field(kind: Kind, field: str | None, reason: str) -> Response:
    field = field or THE_BODY
    return kind.answer(f"{field}: {reason}", {field: [reason]})


def _refused(_exc: Refused) -> Response:
    return refusals.REFUSED.answer()


def _not_authenticated(exc: NotAuthenticated) -> Response:
    return refusals.UNAUTHORIZED.answer(exc.reason, headers={"WWW-Authenticate": "Bearer"})


def _not_permitted(exc: NotPermitted) -> Response:
    return refusals.FORBIDDEN.answer(exc.reason)


def _too_busy(exc: TooBusy) -> Response:
    return refusals.TOO_BUSY.answer(str(exc), headers={"Retry-After": "1"})


def _nothing(exc: NothingAvailable | StoreFailure) -> Response:
    wait = exc.retry_after if isinstance(exc, NothingAvailable) else 2
    return refusals.UNAVAILABLE.answer(headers={"Retry-After": str(wait)})


def _streams(exc: TooManyStreams) -> Response:
    wait = {"Retry-After": str(exc.retry_after)}
    return refusals.TOO_MANY_STREAMS.answer(str(exc), headers=wait)


def _http(exc: HTTPException) -> Response:
    if exc.response is not None and isinstance(exc.response, Response):
        return exc.response
    headers = {name: value for name, value in exc.get_headers() if name in PASSED_ON}
    return _kind(exc).answer(exc.description or exc.name, headers=headers)


def _kind(exc: HTTPException) -> Kind:
    """Ours, or one by the name it has for everybody."""
    status = exc.code or 500
    slug = exc.name.lower().replace(" ", "-")
    return OF_STATUS.get(status) or Kind(status, slug, exc.name, exc.name)


def _unexpected(exc: Exception) -> Response:
    _log.error("request_failed", exc_info=exc)
    return _http(InternalServerError(f"something went wrong; quote {g.get('request_id')}"))


TABLE: tuple[tuple[type[Exception], Callable[[Any], Response]], ...] = (
    (NotJson, _not_json),
    (ma.ValidationError, _not_valid),
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
    """Marshmallow's nested messages as `items.0.quantity: [...]`.

    The first hundred say enough: a small body can be wrong in ten thousand places.
    """
    return dict(islice(_flat(messages, path), MOST_ERRORS))


def _flat(messages: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            name = "" if name == "_schema" else str(name)
            yield from _flat(inner, ".".join(filter(None, (path, name))))
    else:
        words = messages if isinstance(messages, list) else [messages]
        yield path or THE_BODY, [str(word) for word in words]
