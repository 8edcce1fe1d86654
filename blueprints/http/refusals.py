"""What requests are refused with: every kind of problem once, for answers and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g

from blueprints.http.strict_json import dumps

CONTENT_TYPE = "application/problem+json"
_EXAMPLE_ID = "01a1fd5b-7388-7340-82a6-728652d2adba"
Errors = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; `detail` and `errors` are an example of what is said about it."""

    status: int
    slug: str
    title: str
    detail: str
    errors: Errors = field(default_factory=dict)

    @property
    def example(self) -> dict[str, Any]:
        """What a client may be sent."""
        return self._body(self.detail, self.errors, _EXAMPLE_ID)

    def answer(
        self,
        detail: str | None = None,
        errors: Errors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer, with an example's words where there are no better ones."""
        body = self._body(detail or self.detail, errors or {}, g.get("request_id"))
        return Response(dumps(body), self.status, headers=headers, content_type=CONTENT_TYPE)

    def _body(self, detail: str, errors: Errors, request_id: str | None) -> dict[str, Any]:
        return {
            "type": f"urn:dinerapp:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "errors": errors,
            "request_id": request_id,
        }


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status as the documentation has it, with headers that it has always, and sometimes."""

    name: str
    description: str
    kinds: tuple[Kind, ...]
    always: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        return self.kinds[0].status


NOT_JSON = Kind(
    400,
    "malformed-json",
    "The body is not acceptable JSON",
    "Expecting ',' delimiter at line 1, column 12",
)
UNAUTHORIZED = Kind(
    401, "unauthorized", "Say who you are", "the token is not valid, or not any more"
)
FORBIDDEN = Kind(403, "forbidden", "This is for others to do", "this is not for a waiter to do")
NOT_FOUND = Kind(404, "not-found", "Not found", f"orders {_EXAMPLE_ID} does not exist")
EXISTS = Kind(409, "already-exists", "It exists already", "a record with this id exists")
BUSY = Kind(
    409,
    "busy",
    "The record keeps changing",
    "others changed the record at the same time, again and again; try again",
)
DUPLICATE = Kind(
    409,
    "duplicate",
    "The value is taken",
    "slug is taken by another record",
    {"slug": ["is taken by another record"]},
)
SOLD_OUT = Kind(
    409,
    "sold-out",
    "Not enough is left",
    "not enough Pelmeni is left",
    {"items.0.quantity": ["not enough Pelmeni is left"]},
)
RULE = Kind(
    409, "rule", "This cannot be done now", "an order that is completed cannot be cancelled"
)
STALE = Kind(
    412,
    "stale-version",
    "The record has changed since it was read",
    "If-Match names another version than the current one, which is in ETag",
)
TOO_LARGE = Kind(
    413, "too-large", "The body is too large", "the body is larger than this server accepts"
)
OTHER_MEDIA = Kind(
    415,
    "unsupported-media-type",
    "The body is of another kind",
    "the body must be sent as application/json",
)
INVALID = Kind(
    422,
    "validation",
    "The request is not valid",
    "items.0.quantity: must be from 1 to 1000",
    {"items.0.quantity": ["must be from 1 to 1000"]},
)
KEY_REUSED = Kind(
    422,
    "key-reused",
    "The Idempotency-Key belongs to another request",
    "this Idempotency-Key was used before with another body",
    {"Idempotency-Key": ["was used before with another body"]},
)
REFUSED = Kind(422, "refused", "The record cannot be stored", "the database refuses this record")
TOO_MANY = Kind(
    429,
    "too-many-requests",
    "Too many of these at once",
    "at most 10 per 1 minute are taken; try again in 41 s",
)
UNAVAILABLE = Kind(
    503,
    "unavailable",
    "The databases cannot be reached",
    "no database that could answer is reachable; the request may be repeated as it is, "
    "with the same Idempotency-Key",
)
TOO_BUSY = Kind(503, "too-busy", "Too much at once", "too many passwords are being checked")
TOO_MANY_STREAMS = Kind(
    503,
    "too-many-streams",
    "There are too many live streams",
    "this process serves as many streams as it can",
)

REFUSALS: Mapping[int, Refusal] = {
    one.status: one
    for one in (
        Refusal("NotJson", "The body is not JSON, or could be read in two ways", (NOT_JSON,)),
        Refusal(
            "Unauthorized",
            "No token, or one that is not good any more",
            (UNAUTHORIZED,),
            always=("WWW-Authenticate",),
        ),
        Refusal("Forbidden", "Others may do this, the caller may not", (FORBIDDEN,)),
        Refusal(
            "NotFound",
            "There is no such record, or it is not the caller's to see",
            (NOT_FOUND,),
        ),
        Refusal(
            "Conflict",
            "As things stand this cannot be done; nothing was changed",
            (RULE, SOLD_OUT, DUPLICATE, EXISTS, BUSY),
            sometimes=("ETag", "Retry-After"),
        ),
        Refusal(
            "Stale", "The record is not at the version of If-Match", (STALE,), always=("ETag",)
        ),
        Refusal("TooLarge", "The body is too large", (TOO_LARGE,)),
        Refusal("OtherMedia", "The body is not declared as application/json", (OTHER_MEDIA,)),
        Refusal(
            "Invalid",
            "The request is not valid; the problem names every mistake",
            (INVALID, KEY_REUSED, REFUSED),
        ),
        Refusal("TooMany", "There were too many of these", (TOO_MANY,), always=("Retry-After",)),
        Refusal(
            "Unavailable",
            "Not now. It may be repeated as it is, with the same Idempotency-Key",
            (UNAVAILABLE, TOO_BUSY, TOO_MANY_STREAMS),
            always=("Retry-After",),
        ),
    )
}
