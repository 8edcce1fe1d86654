"""Responses: bytes, ETags, conditional requests, pages, and the ids of idempotent requests."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from flask import Response, g, request
from marshmallow import fields
from werkzeug.http import quote_etag

from blueprints.http.fields import QueryInt, RequestSchema
from blueprints.http.strict_json import dumps
from dinerapp.replication.codec import content
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.record import Record
from dinerapp.replication.saving import WriteResult

R = TypeVar("R", bound=Record)

MAX_KEY_LENGTH = 255
REPLAY_HEADERS = {"Idempotent-Replay": "true"}
_ETAG_SEPARATOR = "-"
_GZIP_SUFFIX = "-gzip"


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response."""
    return Response(dumps(body), status, headers=headers, content_type="application/json")


def record_response(record: Record, body: Any, etag_suffix: object = None) -> Response:
    """A record with its ETag, or 304 if the caller's copy is current.

    `etag_suffix` stands for what the body shows besides the record, such as the stock left.
    """
    return _or_not_modified(json_response(body), _etag(record, etag_suffix))


def hashed_response(body: Any) -> Response:
    """A response without a version; its ETag is a hash of the body."""
    made = json_response(body)
    return _or_not_modified(made, hashlib.blake2b(made.data, digest_size=12).hexdigest())


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """A body that is sent to many clients, plain and compressed, with its ETag."""

    body: bytes
    gzipped_body: bytes
    etag: str


def prebuild(body: Any) -> Prebuilt:
    """Encodes and compresses the body."""
    plain = dumps(body)
    tag = hashlib.blake2b(plain, digest_size=12).hexdigest()
    return Prebuilt(plain, gzip.compress(plain, compresslevel=6, mtime=0), tag)


def prebuilt_response(made: Prebuilt) -> Response:
    """The prebuilt body in an encoding that the client accepts, or 304 if the client's copy is
    current."""
    zips = request.accept_encodings.quality("gzip") > 0
    headers = {"ETag": quote_etag(made.etag + _GZIP_SUFFIX * zips), "Vary": "Accept-Encoding"}
    known = request.if_none_match
    if known.contains_weak(made.etag) or known.contains_weak(made.etag + _GZIP_SUFFIX):
        return Response(status=304, headers=headers)
    if zips:
        headers["Content-Encoding"] = "gzip"
    body = made.gzipped_body if zips else made.body
    return Response(body, headers=headers, content_type="application/json")


def write_response(
    result: WriteResult[R], body: Any, location: str | None = None, etag_suffix: object = None
) -> Response:
    """The response to a write: 201 with a Location for a new record, else 200."""
    headers = {"ETag": quote_etag(_etag(result.record, etag_suffix))}
    if location is not None:
        headers["Location"] = location
    if result.replayed:
        headers |= REPLAY_HEADERS
    return json_response(body, 200 if location is None else 201, headers)


def delete_response(result: WriteResult[R]) -> Response:
    """The response to a deletion."""
    return Response(status=204, headers=REPLAY_HEADERS if result.replayed else None)


def public_fields(record: Record) -> dict[str, Any]:
    """All fields of the record, with the part of the envelope that clients may see."""
    return content(record) | {
        "id": record.id,
        "revision": record.version.revision,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def page_response(records: Page[R], view: Callable[[R], Any]) -> Response:
    """One page of a list."""
    return json_response(
        {"items": [view(record) for record in records.items], "next_cursor": _next_cursor(records)}
    )


def operation(scope: str, *, exclude: Collection[str] = ()) -> Operation:
    """The ids under which this request writes, derived from its Idempotency-Key if it has one.

    `exclude` names fields of the body that must not influence the ids, such as passwords.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Operation.without_key()
    if not 0 < len(key.strip()) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        reason = f"must be 1 to {MAX_KEY_LENGTH} printable ASCII characters"
        raise InvalidRecord("Idempotency-Key", reason)
    given = g.get("body")
    if exclude:
        given = {name: value for name, value in given.items() if name not in exclude}
    body = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    return Operation.from_key(scope, key, body)


def if_match() -> str | None:
    """The version that the caller requires, without the suffix of the ETag, which may have changed.

    Weak ETags, which a compressing proxy produces, are accepted too.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    return given.strip().removeprefix("W/").strip('"').partition(_ETAG_SEPARATOR)[0]


class PageQuery(RequestSchema):
    """The parameters that every list takes."""

    limit = QueryInt(
        1,
        200,
        load_default=50,
        metadata={"description": "the maximum number of items", "example": 20},
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "the `next_cursor` of the previous page"}
    )


def parse_cursor(cursor: str | None) -> Cursor | None:
    """The position in a list that a cursor encodes."""
    if cursor is None:
        return None
    try:
        plain = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode()
        moment, _, record_id = plain.partition("|")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError
        return Cursor(created_at.astimezone(UTC), str(UUID(record_id)))
    except (ValueError, binascii.Error, OverflowError):
        raise InvalidRecord("cursor", "must be the `next_cursor` of an earlier page") from None


def _etag(record: Record, etag_suffix: object) -> str:
    return (
        str(record.version)
        if etag_suffix is None
        else f"{record.version}{_ETAG_SEPARATOR}{etag_suffix}"
    )


def _or_not_modified(response: Response, tag: str) -> Response:
    etag = {"ETag": quote_etag(tag)}
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=etag)
    response.headers.update(etag)
    return response


def _next_cursor(records: Page[Any]) -> str | None:
    if records.next_cursor is None:
        return None
    plain = f"{records.next_cursor.created_at.isoformat()}|{records.next_cursor.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode()
