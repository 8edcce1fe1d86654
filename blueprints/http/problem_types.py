"""What requests are refused with: every kind of problem once, for answers and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g

from blueprints.http.strict_json import dumps

CONTENT_TYPE = "application/problem+json"
_EXAMPLE_ID = "01a1fd5b-7388-7340-82a6-728652d2adba"
FieldErrors = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem; `detail` and `errors` are an example of what is said about it."""

    status: int
    slug: str
    title: str
    detail: str
    errors: FieldErrors = field(default_factory=dict)

    @property
    def example(self) -> dict[str, Any]:
        """What a client may be sent."""
        return self._body(self.detail, self.errors, _EXAMPLE_ID)

    def response(
        self,
        detail: str | None = None,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer, with an example's words where there are no better ones."""
        body = self._body(detail or self.detail, errors or {}, g.get("request_id"))
        return Response(dumps(body), self.status, headers=headers, content_type=CONTENT_TYPE)

    def _body(self, detail: str, errors: FieldErrors, request_id: str | None) -> dict[str, Any]:
        return {
            "type": f"urn:dinerapp:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "errors": errors,
            "request_id": request_id,
        }


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """A status as the documentation has it, with headers that it has always, and sometimes."""

    name: str
    description: str
    types: tuple[ProblemType, ...]
    required_headers: tuple[str, ...] = ()
    optional_headers: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        return self.types[0].status


MALFORMED_JSON = ProblemType(
    400,
    "malformed-json",
    "The body is not acceptable JSON",
    "Expecting ',' delimiter at line 1, column 12",
)
UNAUTHORIZED = ProblemType(
    401, "unauthorized", "Say who you are", "the token is not valid, or not any more"
)
FORBIDDEN = ProblemType(
    403, "forbidden", "This is for others to do", "this is not for a waiter to do"
)
NOT_FOUND = ProblemType(404, "not-found", "Not found", f"orders {_EXAMPLE_ID} does not exist")
ALREADY_EXISTS = ProblemType(
    409, "already-exists", "It exists already", "a record with this id exists"
)
BUSY = ProblemType(
    409,
    "busy",
    "The record keeps changing",
    "others changed the record at the same time, again and again; try again",
)
DUPLICATE = ProblemType(
    409,
    "duplicate",
    "The value is taken",
    "slug is taken by another record",
    {"slug": ["is taken by another record"]},
)
SOLD_OUT = ProblemType(
    409,
    "sold-out",
    "Not enough is left",
    "not enough Pelmeni is left",
    {"items.0.quantity": ["not enough Pelmeni is left"]},
)
RULE_BROKEN = ProblemType(
    409, "rule", "This cannot be done now", "an order that is completed cannot be cancelled"
)
STALE_VERSION = ProblemType(
    412,
    "stale-version",
    "The record has changed since it was read",
    "If-Match names another version than the current one, which is in ETag",
)
TOO_LARGE = ProblemType(
    413, "too-large", "The body is too large", "the body is larger than this server accepts"
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    415,
    "unsupported-media-type",
    "The body is of another kind",
    "the body must be sent as application/json",
)
INVALID = ProblemType(
    422,
    "validation",
    "The request is not valid",
    "items.0.quantity: must be from 1 to 1000",
    {"items.0.quantity": ["must be from 1 to 1000"]},
)
KEY_REUSED = ProblemType(
    422,
    "key-reused",
    "The Idempotency-Key belongs to another request",
    "this Idempotency-Key was used before with another body",
    {"Idempotency-Key": ["was used before with another body"]},
)
REFUSED = ProblemType(
    422, "refused", "The record cannot be stored", "the database refuses this record"
)
TOO_MANY_REQUESTS = ProblemType(
    429,
    "too-many-requests",
    "Too many of these at once",
    "at most 10 per 1 minute are taken; try again in 41 s",
)
UNAVAILABLE = ProblemType(
    503,
    "unavailable",
    "The databases cannot be reached",
    "no database that could answer is reachable; the request may be repeated as it is, "
    "with the same Idempotency-Key",
)
TOO_BUSY = ProblemType(503, "too-busy", "Too much at once", "too many passwords are being checked")
TOO_MANY_STREAMS = ProblemType(
    503,
    "too-many-streams",
    "There are too many live streams",
    "this process serves as many streams as it can",
)

ERROR_RESPONSES: Mapping[int, ErrorResponse] = {
    one.status: one
    for one in (
        ErrorResponse(
            "NotJson", "The body is not JSON, or could be read in two ways", (MALFORMED_JSON,)
        ),
        ErrorResponse(
            "Unauthorized",
            "No token, or one that is not good any more",
            (UNAUTHORIZED,),
            required_headers=("WWW-Authenticate",),
        ),
        ErrorResponse("Forbidden", "Others may do this, the caller may not", (FORBIDDEN,)),
        ErrorResponse(
            "NotFound",
            "There is no such record, or it is not the caller's to see",
            (NOT_FOUND,),
        ),
        ErrorResponse(
            "Conflict",
            "As things stand this cannot be done; nothing was changed",
            (RULE_BROKEN, SOLD_OUT, DUPLICATE, ALREADY_EXISTS, BUSY),
            optional_headers=("ETag", "Retry-After"),
        ),
        ErrorResponse(
            "Stale",
            "The record is not at the version of If-Match",
            (STALE_VERSION,),
            required_headers=("ETag",),
        ),
        ErrorResponse("TooLarge", "The body is too large", (TOO_LARGE,)),
        ErrorResponse(
            "OtherMedia", "The body is not declared as application/json", (UNSUPPORTED_MEDIA_TYPE,)
        ),
        ErrorResponse(
            "Invalid",
            "The request is not valid; the problem names every mistake",
            (INVALID, KEY_REUSED, REFUSED),
        ),
        ErrorResponse(
            "TooMany",
            "There were too many of these",
            (TOO_MANY_REQUESTS,),
            required_headers=("Retry-After",),
        ),
        ErrorResponse(
            "Unavailable",
            "Not now. It may be repeated as it is, with the same Idempotency-Key",
            (UNAVAILABLE, TOO_BUSY, TOO_MANY_STREAMS),
            required_headers=("Retry-After",),
        ),
    )
}
