"""Answers: bytes, ETags, conditional requests, pages, and what makes a request idempotent."""

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

from blueprints.http.fields import Digits, Schema
from blueprints.http.strict_json import dumps
from dinerapp.replication.codec import content
from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.identity import Operation
from dinerapp.replication.ports.repository import After, Page
from dinerapp.replication.record import Record
from dinerapp.replication.saving import Saved

R = TypeVar("R", bound=Record)

LONGEST_KEY = 255
REPLAYED = {"Idempotent-Replay": "true"}
_BESIDE = "-"
_ZIPPED = "-gzip"


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(dumps(body), status, headers=headers, content_type="application/json")


def one(record: Record, body: Any, beside: object = None) -> Response:
    """A record with its ETag; nothing but that when the caller has it.

    `beside` is what the answer shows beside the record itself, such as what is left of it.
    """
    return _unless_known(answer(body), _tag(record, beside))


def whole(body: Any) -> Response:
    """Something that has no version: its ETag is made of what it says."""
    made = answer(body)
    return _unless_known(made, hashlib.blake2b(made.data, digest_size=12).hexdigest())


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """A body that many are sent, plain and compressed, with its tag."""

    plain: bytes
    zipped: bytes
    tag: str


def prebuilt(body: Any) -> Prebuilt:
    """The body, ready to be sent."""
    plain = dumps(body)
    tag = hashlib.blake2b(plain, digest_size=12).hexdigest()
    return Prebuilt(plain, gzip.compress(plain, compresslevel=6, mtime=0), tag)


def ready(made: Prebuilt) -> Response:
    """What was prebuilt, as the caller takes it; nothing but its ETag when the caller has it."""
    zips = request.accept_encodings.quality("gzip") > 0
    headers = {"ETag": quote_etag(made.tag + _ZIPPED * zips), "Vary": "Accept-Encoding"}
    known = request.if_none_match
    if known.contains_weak(made.tag) or known.contains_weak(made.tag + _ZIPPED):
        return Response(status=304, headers=headers)
    if zips:
        headers["Content-Encoding"] = "gzip"
    body = made.zipped if zips else made.plain
    return Response(body, headers=headers, content_type="application/json")


def written(
    done: Saved[R], body: Any, location: str | None = None, beside: object = None
) -> Response:
    """What a write answers: 201 with a Location for what was created, else 200."""
    headers = {"ETag": quote_etag(_tag(done.record, beside))}
    if location is not None:
        headers["Location"] = location
    if done.replayed:
        headers |= REPLAYED
    return answer(body, 200 if location is None else 201, headers)


def removed(done: Saved[R]) -> Response:
    """What a deletion answers."""
    return Response(status=204, headers=REPLAYED if done.replayed else None)


def plain(record: Record) -> dict[str, Any]:
    """A record that is shown as it is, with what clients may know of its envelope."""
    return content(record) | {
        "id": record.id,
        "revision": record.version.revision,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def page(found: Page[R], view: Callable[[R], Any]) -> Response:
    """One page of a list."""
    return answer(
        {"items": [view(record) for record in found.items], "next_cursor": _cursor(found)}
    )


def operation(scope: str, *, but: Collection[str] = ()) -> Operation:
    """The ids this request writes under: from its Idempotency-Key if it has one.

    `but` names fields of the body that must not leave a trace in them, such as passwords.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Operation.fresh()
    if not 0 < len(key.strip()) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        reason = f"must be 1 to {LONGEST_KEY} printable ASCII characters"
        raise InvalidRecord("Idempotency-Key", reason)
    given = g.get("body")
    if but:
        given = {name: value for name, value in given.items() if name not in but}
    body = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    return Operation.keyed(scope, key, body)


def if_match() -> str | None:
    """The version the caller insists on; what stands beside it in an ETag may have changed.

    A proxy that compresses makes ETags weak. They name the version none the less.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    return given.strip().removeprefix("W/").strip('"').partition(_BESIDE)[0]


class PageQuery(Schema):
    """Every list takes these."""

    limit = Digits(
        1, 200, load_default=50, metadata={"description": "how many items at most", "example": 20}
    )
    cursor = fields.String(
        load_default=None, metadata={"description": "`next_cursor` of the page before"}
    )


def after(cursor: str | None) -> After | None:
    """The place in a list that a cursor names."""
    if cursor is None:
        return None
    try:
        plain = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode()
        moment, _, record_id = plain.partition("|")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError
        return After(created_at.astimezone(UTC), str(UUID(record_id)))
    except (ValueError, binascii.Error, OverflowError):
        raise InvalidRecord("cursor", "is not a cursor that an earlier page gave") from None


def _tag(record: Record, beside: object) -> str:
    return str(record.version) if beside is None else f"{record.version}{_BESIDE}{beside}"


def _unless_known(made: Response, tag: str) -> Response:
    etag = {"ETag": quote_etag(tag)}
    if request.if_none_match.contains_weak(tag):
        return Response(status=304, headers=etag)
    made.headers.update(etag)
    return made


def _cursor(found: Page[Any]) -> str | None:
    if found.next is None:
        return None
    plain = f"{found.next.created_at.isoformat()}|{found.next.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode()
