"""The blueprint that every domain's routes use.

`reads`, `creates`, `changes` and `removes` say what a route does with a record; `public`,
`optional_auth` and `allows` say who may use it. Documented headers and responses follow from that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar, cast

import marshmallow as ma
from flask_smorest import Blueprint as SmorestBlueprint

from blueprints.http.access import PUBLIC, AccessRule, describe_rule, set_rule
from blueprints.http.examples import example_of
from blueprints.http.fast_loading import compile_loader, read_body, read_query
from blueprints.http.headers import (
    ETAG,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION,
    REPLAY,
)
from blueprints.http.openapi import BEARER, RECORD_BEARER, header_refs
from blueprints.http.problem_types import ERROR_RESPONSES
from blueprints.http.rate_limits import RateLimit, rate_limit
from dinerapp.accounts.domain.permissions import Permission

R = TypeVar("R", bound=Callable[..., Any])
SchemaType = type[ma.Schema]

_REQUEST_READERS = {"json": read_body, "query": read_query}
_NOT_MODIFIED = {"description": "The caller's copy is current", "headers": header_refs(ETAG)}


class Blueprint(SmorestBlueprint):
    """A package of routes of one domain."""

    def __init__(self, *args: Any, uses_stores: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self._uses_stores = uses_stores

    def arguments(self, schema: SchemaType, *, location: str = "json") -> Callable[[R], R]:
        """Gives the view what the schema makes of the body, or of the query."""
        made = schema()
        given, read = _REQUEST_READERS[location], compile_loader(made)
        document = super().arguments(made, location=location)

        def decorate(view: R) -> R:
            @wraps(view)
            def reading(*args: Any, **options: Any) -> Any:
                return view(*args, read(given()), **options)

            return _copy_apidoc(document, cast(R, reading))

        return decorate

    def response(self, *args: Any, **options: Any) -> Callable[[R], R]:
        """Documents an answer; views make theirs themselves."""
        return partial(_copy_apidoc, super().response(*args, **options))

    def public(self, view: R) -> R:
        """Open to anyone; a token is ignored."""
        return set_rule(PUBLIC)(view)

    def optional_auth(self, view: R) -> R:
        """Open to anyone; with the token of an account, the caller is that account."""
        documented: Callable[[R], R] = self.doc(security=[{}, {BEARER: []}])
        return documented(set_rule(AccessRule(optional_auth=True))(view))

    def allows(
        self, permission: Permission, *, or_owner: bool = False, record_token: bool = False
    ) -> Callable[[R], R]:
        """For roles that have the permission; with `or_owner` also for the record's owner, and
        with `record_token` for whoever sends the token that came with the record."""
        rule = AccessRule(permission, or_owner=or_owner, record_token=record_token)
        schemes = [BEARER, *([RECORD_BEARER] if record_token else [])]
        return self._combine(
            set_rule(rule),
            self.doc(
                security=[{scheme: []} for scheme in schemes],
                **{"x-roles": describe_rule(rule)},
            ),
            self.fails_with(403),
        )

    def fails_with(self, *statuses: int) -> Callable[[R], R]:
        """Documents errors that do not follow from the route's parameters."""
        documented: Callable[[R], R] = self.doc(
            responses={status: ERROR_RESPONSES[status].name for status in statuses}
        )
        return documented

    def rate_limit(self, *what: RateLimit) -> Callable[[R], R]:
        """Limits how often a caller may use the route."""
        return self._combine(rate_limit(*what), self.fails_with(429))

    def reads(self, schema: SchemaType) -> Callable[[R], R]:
        """Answers something that has an ETag."""
        return self._combine(
            self.doc(parameters=[IF_NONE_MATCH], responses={304: _NOT_MODIFIED}),
            self.response(200, schema, headers=header_refs(ETAG)),
        )

    def creates(self, schema: SchemaType) -> Callable[[R], R]:
        """Makes a new record, once per Idempotency-Key."""
        return self._combine(
            self.doc(parameters=[IDEMPOTENCY_KEY]),
            self.response(201, schema, headers=header_refs(LOCATION, ETAG, REPLAY)),
        )

    def changes(self, schema: SchemaType, *, if_match: bool = True) -> Callable[[R], R]:
        """Changes a record that exists, once per Idempotency-Key."""
        return self._combine(
            self._with_write_headers(if_match),
            self.response(200, schema, headers=header_refs(ETAG, REPLAY)),
        )

    def removes(self, *, if_match: bool = True) -> Callable[[R], R]:
        """Deletes a record."""
        return self._combine(
            self._with_write_headers(if_match), self.response(204, headers=header_refs(REPLAY))
        )

    def _with_write_headers(self, if_match: bool) -> Callable[[R], R]:
        headers = [IDEMPOTENCY_KEY, *([IF_MATCH] if if_match else [])]
        documented: Callable[[R], R] = self.doc(parameters=headers)
        return documented

    def _combine(self, *decorators: Callable[[R], R]) -> Callable[[R], R]:
        def decorate(view: R) -> R:
            for decorator in decorators:
                view = decorator(view)
            return view

        return decorate

    def _prepare_response_doc(self, doc: Any, doc_info: Any, **options: Any) -> Any:
        """Adds examples, whether a body is required, and 503 where a database is needed."""
        doc = super()._prepare_response_doc(doc, doc_info, **options)
        manual = doc_info.get("manual_doc", {})
        if self._uses_stores or "security" in manual:
            doc["responses"].setdefault(503, ERROR_RESPONSES[503].name)
        _merge_parameters(doc, manual)
        for media in doc.get("requestBody", {}).get("content", {}).values():
            fields = media["schema"].fields.values()
            doc["requestBody"]["required"] = any(field.required for field in fields)
        for each in (doc.get("requestBody", {}), *doc["responses"].values()):
            for media in each.get("content", {}).values() if isinstance(each, dict) else ():
                media.setdefault("example", example_of(media["schema"]))
        return doc


def _copy_apidoc(document: Callable[[R], Any], view: R) -> R:
    """The view itself, as flask-smorest documents it."""
    view._apidoc = document(view)._apidoc  # type: ignore[attr-defined]
    return view


def _merge_parameters(doc: Any, manual: Any) -> None:
    """Headers that are documented by hand come beside what is read from a query, not instead."""
    if "parameters" in doc and "parameters" in manual:
        manual["parameters"] = [*doc["parameters"], *manual["parameters"]]
