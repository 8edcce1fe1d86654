"""Answers: bytes, ETags, conditional requests, pages, and what makes a request idempotent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import marshmallow as ma
import orjson
from flask import Response, g, request

from blueprints.http.strict_json import dumps
from dinerapp.domain.identity import Operation
from dinerapp.domain.record import Record
from dinerapp.errors import InvalidRecord
from dinerapp.ports.repository import After, Page
from dinerapp.services.saving import Saved

R = TypeVar("R", bound=Record)

LONGEST_KEY = 255
REPLAYED = {"Idempotent-Replay": "true"}


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(dumps(body), status, headers=headers, content_type="application/json")


def one(record: R, body: Any) -> Response:
    """A record with its ETag; nothing but that when the caller has this version."""
    etag = f'"{record.version}"'
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers={"ETag": etag})
    return answer(body, headers={"ETag": etag})


def written(done: Saved[R], body: Any, location: str | None = None) -> Response:
    """What a write answers: 201 with a Location for what was created, else 200."""
    headers = {"ETag": f'"{done.record.version}"'}
    if location is not None:
        headers["Location"] = location
    if done.replayed:
        headers |= REPLAYED
    return answer(body, 200 if location is None else 201, headers)


def page(found: Page[R], view: Callable[[R], Any]) -> Response:
    """One page of a list."""
    return answer(
        {"items": [view(record) for record in found.items], "next_cursor": _cursor(found)}
    )


def operation(scope: str) -> Operation:
    """The ids this request writes under: from its Idempotency-Key if it has one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Operation.fresh()
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        reason = f"must be 1 to {LONGEST_KEY} printable characters"
        raise InvalidRecord("Idempotency-Key", reason)
    body = orjson.dumps(g.get("body"), option=orjson.OPT_SORT_KEYS)
    return Operation.keyed(scope, key, body)


def if_match() -> str | None:
    """The version the caller insists on."""
    given = request.headers.get("If-Match")
    return None if given in (None, "*") else str(given).strip().strip('"')


class PageQuery(ma.Schema):
    """Every list takes these."""

    limit = ma.fields.Integer(
        load_default=50,
        validate=ma.validate.Range(min=1, max=200),
        metadata={"description": "how many items at most"},
    )
    cursor = ma.fields.String(
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
        return After(created_at, str(UUID(record_id)))
    except (ValueError, binascii.Error, OverflowError):
        raise InvalidRecord("cursor", "is not a cursor that an earlier page gave") from None


def _cursor(found: Page[Any]) -> str | None:
    if found.next is None:
        return None
    plain = f"{found.next.created_at.isoformat()}|{found.next.id}"
    return base64.urlsafe_b64encode(plain.encode()).decode()
