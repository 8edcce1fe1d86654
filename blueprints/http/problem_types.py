"""All problem types with which requests can be refused, for responses and documentation."""

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
    """One type of problem; `detail` and `errors` are an example."""

    status: int
    slug: str
    title: str
    detail: str
    errors: FieldErrors = field(default_factory=dict)

    @property
    def example(self) -> dict[str, Any]:
        """An example of the response body."""
        return self._body(self.detail, self.errors, _EXAMPLE_ID)

    def response(
        self,
        detail: str | None = None,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The response; without a `detail` it has that of the example."""
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
    """An error status in the documentation, with its required and optional headers."""

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
    401, "unauthorized", "Authentication required", "the token is invalid, expired or revoked"
)
FORBIDDEN = ProblemType(403, "forbidden", "Not permitted", "the role waiter may not do this")
NOT_FOUND = ProblemType(404, "not-found", "Not found", f"{_EXAMPLE_ID} was not found in orders")
ALREADY_EXISTS = ProblemType(
    409, "already-exists", "The record already exists", "a record with this id already exists"
)
BUSY = ProblemType(
    409,
    "busy",
    "The record keeps changing",
    "other requests kept changing the record at the same time; try again",
)
DUPLICATE = ProblemType(
    409,
    "duplicate",
    "The value is taken",
    "slug is already used by another record",
    {"slug": ["is already used by another record"]},
)
SOLD_OUT = ProblemType(
    409,
    "sold-out",
    "Not enough left",
    "not enough Pelmeni left",
    {"items.0.quantity": ["not enough Pelmeni left"]},
)
RULE_BROKEN = ProblemType(
    409, "rule", "This cannot be done now", "an order that is completed can no longer be changed"
)
STALE_VERSION = ProblemType(
    412,
    "stale-version",
    "The record has changed since it was read",
    "If-Match is not the record's current version, which is in the ETag header",
)
TOO_LARGE = ProblemType(
    413, "too-large", "The body is too large", "the body is larger than this server accepts"
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    415,
    "unsupported-media-type",
    "The media type of the body is not supported",
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
    "this Idempotency-Key was already used with a different body",
    {"Idempotency-Key": ["was already used with a different body"]},
)
REFUSED = ProblemType(
    422,
    "refused",
    "The record cannot be stored",
    "the database cannot hold this record; repeating the request will not help",
)
TOO_MANY_REQUESTS = ProblemType(
    429,
    "too-many-requests",
    "Too many requests",
    "the limit is 10 per 1 minute; try again in 41 s",
)
UNAVAILABLE = ProblemType(
    503,
    "unavailable",
    "The databases cannot be reached",
    "no database can answer at the moment; repeat the request unchanged, "
    "with the same Idempotency-Key",
)
TOO_BUSY = ProblemType(
    503,
    "too-busy",
    "The server is too busy",
    "too many passwords are being checked; try again in a second",
)
TOO_MANY_STREAMS = ProblemType(
    503,
    "too-many-streams",
    "Too many live streams",
    "this process already serves as many streams as it can; try again later",
)

ERROR_RESPONSES: Mapping[int, ErrorResponse] = {
    one.status: one
    for one in (
        ErrorResponse("NotJson", "The body is not valid JSON, or is ambiguous", (MALFORMED_JSON,)),
        ErrorResponse(
            "Unauthorized",
            "The token is missing, invalid, expired or revoked",
            (UNAUTHORIZED,),
            required_headers=("WWW-Authenticate",),
        ),
        ErrorResponse("Forbidden", "The caller is not permitted to do this", (FORBIDDEN,)),
        ErrorResponse(
            "NotFound",
            "The record does not exist, or the caller may not see it",
            (NOT_FOUND,),
        ),
        ErrorResponse(
            "Conflict",
            "The current state does not allow this; nothing was changed",
            (RULE_BROKEN, SOLD_OUT, DUPLICATE, ALREADY_EXISTS, BUSY),
            optional_headers=("ETag", "Retry-After"),
        ),
        ErrorResponse(
            "Stale",
            "The record is no longer at the version in If-Match",
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
            "Too many requests of this kind",
            (TOO_MANY_REQUESTS,),
            required_headers=("Retry-After",),
        ),
        ErrorResponse(
            "Unavailable",
            "Not available at the moment. "
            "Repeat the request unchanged, with the same Idempotency-Key",
            (UNAVAILABLE, TOO_BUSY, TOO_MANY_STREAMS),
            required_headers=("Retry-After",),
        ),
    )
}
