"""The blueprint and the argument parser that every domain's routes use.

`reads`, `creates`, `changes` and `removes` say what a route does with a record, `public`, `known`
and `allows` who may use it; the documentation of its headers and answers follows from that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import marshmallow as ma
from flask import Request, g
from flask_smorest import Blueprint as SmorestBlueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from blueprints.http import strict_json
from blueprints.http.access import PUBLIC, Rule, described, ruled
from blueprints.http.describing import BEARER, named
from blueprints.http.examples import example_of
from blueprints.http.headers import (
    ETAG,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    LOCATION,
    REPLAY,
)
from blueprints.http.limits import Limited, limited
from blueprints.http.refusals import REFUSALS
from dinerapp.domain.permissions import Permission
from dinerapp.errors import InvalidRecord

R = TypeVar("R", bound=Callable[..., Any])
SchemaType = type[ma.Schema]

_NOT_MODIFIED = {"description": "It is as the caller has it", "headers": named(ETAG)}


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

    def __init__(self, *args: Any, asks_stores: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asks_stores = asks_stores

    def arguments(self, schema: SchemaType, **options: Any) -> Any:
        """Reads a request with the schema, which is made once: to make it takes longer than to
        read most requests."""
        return super().arguments(schema(), **options)

    def public(self, view: R) -> R:
        """For everybody, whoever they say they are."""
        return ruled(PUBLIC)(view)

    def known(self, view: R) -> R:
        """For everybody; whoever shows the token of an account is known by it."""
        documented: Callable[[R], R] = self.doc(security=[{}, {BEARER: []}])
        return documented(ruled(Rule(known=True))(view))

    def allows(self, permission: Permission, *, owners: bool = False) -> Callable[[R], R]:
        """For roles that have the permission, and perhaps for whoever the record belongs to."""
        rule = Rule(permission, owners=owners)
        return self._documented(
            ruled(rule),
            self.doc(security=[{BEARER: []}], **{"x-roles": described(rule)}),
            self.refuses(403),
        )

    def refuses(self, *statuses: int) -> Callable[[R], R]:
        """Ends in one of these for reasons that do not show in what the route takes."""
        documented: Callable[[R], R] = self.doc(
            responses={status: REFUSALS[status].name for status in statuses}
        )
        return documented

    def limited(self, *what: Limited) -> Callable[[R], R]:
        """Not too often."""
        return self._documented(limited(*what), self.refuses(429))

    def reads(self, schema: SchemaType) -> Callable[[R], R]:
        """Answers something that has an ETag."""
        return self._documented(
            self.doc(parameters=[IF_NONE_MATCH], responses={304: _NOT_MODIFIED}),
            self.response(200, schema, headers=named(ETAG)),
        )

    def creates(self, schema: SchemaType) -> Callable[[R], R]:
        """Makes a new record, once per Idempotency-Key."""
        return self._documented(
            self.doc(parameters=[IDEMPOTENCY_KEY]),
            self.response(201, schema, headers=named(LOCATION, ETAG, REPLAY)),
        )

    def changes(self, schema: SchemaType, *, if_match: bool = True) -> Callable[[R], R]:
        """Changes a record that exists, once per Idempotency-Key."""
        return self._documented(
            self._guarded(if_match), self.response(200, schema, headers=named(ETAG, REPLAY))
        )

    def removes(self, *, if_match: bool = True) -> Callable[[R], R]:
        """Deletes a record."""
        return self._documented(self._guarded(if_match), self.response(204, headers=named(REPLAY)))

    def _guarded(self, if_match: bool) -> Callable[[R], R]:
        headers = [IDEMPOTENCY_KEY, *([IF_MATCH] if if_match else [])]
        documented: Callable[[R], R] = self.doc(parameters=headers)
        return documented

    def _documented(self, *decorators: Callable[[R], R]) -> Callable[[R], R]:
        def decorate(view: R) -> R:
            for decorator in decorators:
                view = decorator(view)
            return view

        return decorate

    def _prepare_response_doc(self, doc: Any, doc_info: Any, **options: Any) -> Any:
        """What bodies look like, whether there must be one, and that it takes a database."""
        doc = super()._prepare_response_doc(doc, doc_info, **options)
        manual = doc_info.get("manual_doc", {})
        if self._asks_stores or "security" in manual:
            doc["responses"].setdefault(503, REFUSALS[503].name)
        _keep_both(doc, manual)
        for media in doc.get("requestBody", {}).get("content", {}).values():
            fields = media["schema"].fields.values()
            doc["requestBody"]["required"] = any(field.required for field in fields)
        for body in (doc.get("requestBody", {}), *doc["responses"].values()):
            for media in body.get("content", {}).values() if isinstance(body, dict) else ():
                media.setdefault("example", example_of(media["schema"]))
        return doc


def _keep_both(doc: Any, manual: Any) -> None:
    """Headers that are documented by hand come beside what is read from a query, not instead."""
    if "parameters" in doc and "parameters" in manual:
        manual["parameters"] = [*doc["parameters"], *manual["parameters"]]
