"""All headers of requests and responses that have a meaning in the API, as documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH = "Idempotency-Key", "If-Match", "If-None-Match"
LAST_EVENT_ID = "Last-Event-ID"
ETAG, LOCATION, REPLAY = "ETag", "Location", "Idempotent-Replay"
REQUEST_ID, STORE, ROLE = "X-Request-Id", "X-Diner-Store", "X-Diner-Role"
RETRY_AFTER, CHALLENGE = "Retry-After", "WWW-Authenticate"

_VERSION = '"p1m0n0"'
_ID = "01a1fd5b-738a-7340-82a6-7288b9785b65"


def _request_header(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


def _response_header(
    description: str, example: object, required: bool = True, **schema: Any
) -> dict[str, Any]:
    schema = {"type": "string", **schema}
    return {
        "description": description,
        "schema": schema,
        "example": example,
        "required": required,
    }


REQUEST_HEADERS: Mapping[str, dict[str, Any]] = {
    IDEMPOTENCY_KEY: _request_header(
        "makes it safe to repeat the request until a response arrives: it is carried out once. "
        "The key is refused with a different body",
        "5c1b2f0e-table-12",
    ),
    IF_MATCH: _request_header(
        "the `ETag` the change is based on; 412 if the record has changed since", _VERSION
    ),
    IF_NONE_MATCH: _request_header(
        "the `ETag` of the caller's copy; 304 if it is still current", _VERSION
    ),
    LAST_EVENT_ID: _request_header("the id of the last event received", "2036-05-01T16:30:00.123Z"),
}

RESPONSE_HEADERS: Mapping[str, dict[str, Any]] = {
    ETAG: _response_header("identifies this version, for `If-Match` and `If-None-Match`", _VERSION),
    LOCATION: _response_header("the path of the new record", f"/api/orders/{_ID}"),
    REPLAY: _response_header(
        "present if an earlier request with the same key was carried out instead",
        "true",
        False,
        enum=["true"],
    ),
    REQUEST_ID: _response_header(
        "the id sent with the request, or a new one; the logs contain it", _ID
    ),
    STORE: _response_header(
        "the database that served the request",
        "postgresql",
        False,
        enum=["postgresql", "mongodb"],
    ),
    ROLE: _response_header(
        "the role of that database for these records",
        "primary",
        False,
        enum=["primary", "backup"],
    ),
    RETRY_AFTER: _response_header(
        "seconds to wait before the next try", 2, type="integer", minimum=1
    ),
    CHALLENGE: _response_header("the authentication scheme to use", "Bearer"),
}
"""`required` if the responses that name the header always have it."""
