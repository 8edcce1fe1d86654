"""The blueprint and the argument parser that every domain's routes use.

`reads`, `creates`, `changes` and `removes` say what a route does with a record, `public`, `known`
and `allows` who may use it; the documentation of its headers and answers follows from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import marshmallow as ma
from apispec import APISpec
from flask import Request, g
from flask_smorest import Blueprint as SmorestBlueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from blueprints.http import strict_json
from blueprints.http.access import PUBLIC, Rule, ruled
from blueprints.http.examples import example_of
from blueprints.http.fields import Problem
from blueprints.http.limits import Limited, limited
from dinerapp.domain.permissions import GRANTED, Permission
from dinerapp.errors import InvalidRecord

R = TypeVar("R", bound=Callable[..., Any])
SchemaType = type[ma.Schema]

IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH = "Idempotency-Key", "If-Match", "If-None-Match"
PROBLEM = "Problem"
BEARER = "bearer"
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "the `access_token` of `POST /api/auth/login`, or of an order for that order",
}
ETAG = {"ETag": {"description": "of this version", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "where it is from now on", "schema": {"type": "string"}}}
REPLAY = {
    "Idempotent-Replay": {
        "description": "`true` when an earlier request with the same key had done it",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_HEADERS = {
    IDEMPOTENCY_KEY: (
        "makes it safe to repeat the request until an answer comes: it is carried out once. "
        "With another body the key is refused",
        "5c1b2f0e-table-12",
    ),
    IF_MATCH: ("the `ETag` that was read; 412 when the record has changed since", '"p1m0n0"'),
    IF_NONE_MATCH: ("the `ETag` that the caller has; 304 when it is still current", '"p1m0n0"'),
}


class StrictParser(FlaskParser):
    """Reads strict JSON only, and refuses query parameters it does not know."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 as the base class has it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "json": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        data = req.get_data(cache=True)
        if data and not req.is_json:
            raise UnsupportedMediaType("the body must be sent as application/json")
        g.body = strict_json.loads(data) if data else {}
        return g.body

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1:
                raise InvalidRecord(name, "is given more than once")
        return super().load_querystring(req, schema)


class Blueprint(SmorestBlueprint):
    """A package of routes of one domain."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: SchemaType, **options: Any) -> Any:
        """Reads a request with the schema, which is made once: to make it takes longer than to
        read most requests."""
        return super().arguments(schema(), **options)

    def public(self, view: R) -> R:
        """For everybody, whoever they say they are."""
        return ruled(PUBLIC)(view)

    def known(self, view: R) -> R:
        """For everybody; whoever shows the token of an account is known by it."""
        documented: Callable[[R], R] = self.doc(
            security=[{}, {BEARER: []}], responses={401: PROBLEM}
        )
        return documented(ruled(Rule(known=True))(view))

    def allows(self, permission: Permission, *, owners: bool = False) -> Callable[[R], R]:
        """For roles that have the permission, and perhaps for whoever the record belongs to."""
        roles = [role.value for role in sorted(GRANTED[permission])]
        who = ", ".join([*roles, *(["whoever it belongs to"] if owners else [])])
        return self._documented(
            ruled(Rule(permission, owners=owners)),
            self.doc(
                security=[{BEARER: []}],
                responses={401: PROBLEM, 403: PROBLEM},
                **{"x-roles": who},
            ),
        )

    def limited(self, *what: Limited) -> Callable[[R], R]:
        """Not too often."""
        return self._documented(limited(*what), self.doc(responses={429: PROBLEM}))

    def reads(self, schema: SchemaType) -> Callable[[R], R]:
        """Answers something that has an ETag."""
        return self._documented(
            self.doc(parameters=[IF_NONE_MATCH], responses={304: {"description": "Not Modified"}}),
            self.response(200, schema, headers=ETAG),
        )

    def creates(self, schema: SchemaType) -> Callable[[R], R]:
        """Makes a new record, once per Idempotency-Key."""
        return self._documented(
            self.doc(parameters=[IDEMPOTENCY_KEY]),
            self.response(201, schema, headers=LOCATION | ETAG | REPLAY),
        )

    def changes(self, schema: SchemaType, *, if_match: bool = True) -> Callable[[R], R]:
        """Changes a record that exists, once per Idempotency-Key."""
        return self._documented(
            self._guarded(if_match), self.response(200, schema, headers=ETAG | REPLAY)
        )

    def removes(self) -> Callable[[R], R]:
        """Deletes a record."""
        return self._documented(self._guarded(if_match=True), self.response(204, headers=REPLAY))

    def register_views_in_doc(self, api: Any, app: Any, spec: APISpec, **options: Any) -> None:
        _describe_shared(spec)
        super().register_views_in_doc(api, app, spec, **options)

    def _guarded(self, if_match: bool) -> Callable[[R], R]:
        headers = [IDEMPOTENCY_KEY, *([IF_MATCH] if if_match else [])]
        stale: Mapping[Any, Any] = {412: PROBLEM} if if_match else {}
        documented: Callable[[R], R] = self.doc(parameters=headers, responses=stale)
        return documented

    def _documented(self, *decorators: Callable[[R], R]) -> Callable[[R], R]:
        def decorate(view: R) -> R:
            for decorator in decorators:
                view = decorator(view)
            return view

        return decorate

    def _prepare_response_doc(self, doc: Any, doc_info: Any, **options: Any) -> Any:
        """Every route may answer a problem, and shows what its bodies look like."""
        doc = super()._prepare_response_doc(doc, doc_info, **options)
        doc["responses"]["default"] = PROBLEM
        _keep_both(doc, doc_info.get("manual_doc", {}))
        if 422 in doc["responses"]:
            doc["responses"][422] = PROBLEM
        for body in (doc.get("requestBody", {}), *doc["responses"].values()):
            for media in body.get("content", {}).values() if isinstance(body, dict) else ():
                media.setdefault("example", example_of(media["schema"]))
        return doc


def _keep_both(doc: Any, manual: Any) -> None:
    """Headers that are documented by hand come beside what is read from a query, not instead."""
    if "parameters" in doc and "parameters" in manual:
        manual["parameters"] = [*doc["parameters"], *manual["parameters"]]


def _describe_shared(spec: APISpec) -> None:
    """What all routes refer to, once for all blueprints."""
    if PROBLEM in spec.components.responses:
        return
    media = {"schema": Problem, "example": example_of(Problem)}
    spec.components.response(
        PROBLEM,
        {"description": "What is wrong", "content": {"application/problem+json": media}},
    )
    spec.components.security_scheme(BEARER, SCHEME)
    for name, (meaning, example) in _HEADERS.items():
        about = {"description": meaning, "schema": {"type": "string"}, "example": example}
        spec.components.parameter(name, "header", {"name": name, **about})
