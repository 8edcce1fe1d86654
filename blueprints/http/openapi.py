"""The OpenAPI description, where it follows from what a route takes and who may use it.

A route says what it is, reads and answers. The errors that this can end in, the headers of all
answers and the names of operations are added here, to every route alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import marshmallow as ma
from apispec import APISpec, BasePlugin
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from flask_smorest import Api
from werkzeug.routing import Rule

from blueprints.http.examples import EXAMPLE_ID, example_of
from blueprints.http.fields import LateChoice, Problem, RequestSchema
from blueprints.http.headers import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    REQUEST_HEADERS,
    REQUEST_ID,
    RESPONSE_HEADERS,
    ROLE,
    STORE,
)
from blueprints.http.problem_types import CONTENT_TYPE, ERROR_RESPONSES, ErrorResponse

BEARER = "bearer"
RECORD_BEARER = "record_token"
PROBLEM = "Problem"
UNAVAILABLE_RESPONSE = ERROR_RESPONSES[503].name
_SECURITY_SCHEMES = {
    BEARER: "the `access_token` from `POST /api/auth/login`",
    RECORD_BEARER: "the `access_token` of a single record, which the response that created the "
    "record came with. It opens that record only",
}
SPEC_OPTIONS = {
    "info": {
        "description": "The back end of a restaurant. Amounts are integers in minor units of "
        "`currency`; times are RFC 3339 in UTC.\n\n"
        "- **Errors** are `application/problem+json` (RFC 9457). `type` names the kind of error, "
        "`errors` the fields; a request that was refused (4xx) has changed nothing.\n"
        "- **Retries**: send an `Idempotency-Key` with every request that creates or changes "
        "something, and repeat the request unchanged until a response arrives. It is carried out "
        "once; a repeated response has the header `Idempotent-Replay`.\n"
        "- **Versions**: responses have an `ETag`. With `If-None-Match` an unchanged record is not "
        "sent again; with `If-Match` a change is refused if the record has changed since.\n"
        "- **Lists** take `limit` and `cursor`; `next_cursor` is null on the last page.\n"
        "- **503** and **429** responses say in `Retry-After` how many seconds to wait.\n"
        "- Responses may gain fields; existing fields stay."
    },
    "servers": [{"url": "/"}],
}
_UNVALIDATED_HEADERS = {IF_MATCH, IF_NONE_MATCH}
_STORE_HEADERS = (STORE, ROLE)
_UNSAFE_METHODS = {"post", "put", "patch", "delete"}


def header_refs(*headers: str) -> dict[str, str]:
    """Headers of an answer, as references to their descriptions."""
    return dict(zip(headers, headers, strict=True))


def create_api(app: Flask) -> Api:
    """What blueprints are registered with, so that they are in the description."""
    plugins = {"marshmallow_plugin": _SchemaPlugin(), "extra_plugins": [_OperationPlugin()]}
    return Api(app, spec_kwargs=plugins)


class _Converter(OpenAPIConverter):
    """Request schemas are strict. Response schemas require every field and allow new ones."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.add_attribute_function(_refine_string_schema)  # type: ignore[no-untyped-call]

    def schema2jsonschema(self, schema: ma.Schema) -> dict[str, Any]:
        made: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        if not isinstance(schema, RequestSchema):
            made.pop("additionalProperties", None)
            made["required"] = sorted(made["properties"])
        if type(schema).__doc__:
            made["description"] = inspect.getdoc(type(schema))
        return made

    def _field2parameter(self, field: Any, *, name: str, location: str) -> dict[str, Any]:
        """A query has no null and no empty values: a parameter that is not used is left out."""
        made: dict[str, Any] = super()._field2parameter(field, name=name, location=location)
        schema = made["schema"]
        schema.pop("nullable", None)
        if schema.get("default") in (None, ""):
            schema.pop("default", None)
        if "enum" in schema:
            schema["enum"] = [value for value in schema["enum"] if value is not None]
        if "example" in schema:
            made["example"] = schema.pop("example")
        return made


class _SchemaPlugin(MarshmallowPlugin):
    Converter = _Converter


class _OperationPlugin(BasePlugin):
    """Completes each operation by what it says of itself."""

    def init_spec(self, spec: APISpec) -> None:
        super().init_spec(spec)
        self._operation_ids: set[str] = set()
        components = spec.components
        for scheme, description in _SECURITY_SCHEMES.items():
            bearer = {"type": "http", "scheme": "bearer", "description": description}
            components.security_scheme(scheme, bearer)
        for name, about in REQUEST_HEADERS.items():
            components.parameter(name, "header", {"name": name, **about})
        for name, about in RESPONSE_HEADERS.items():
            components.header(name, about)
        components.response(PROBLEM, _default_error_component())
        for refusal in ERROR_RESPONSES.values():
            components.response(refusal.name, _error_component(refusal))

    def path_helper(
        self,
        path: str | None = None,
        operations: dict[str, Any] | None = None,
        parameters: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> None:
        for parameter in parameters or ():
            name = parameter["name"]
            what = name.removesuffix("_id").replace("_", " ")
            is_id = name.endswith("_id")
            parameter.setdefault("description", f"the id of the {what}" if is_id else f"the {what}")
            parameter.setdefault("example", EXAMPLE_ID if is_id else "orders")

    def operation_helper(
        self,
        path: str | None = None,
        operations: dict[str, Any] | None = None,
        rule: Rule | None = None,
        **_: Any,
    ) -> None:
        for method, operation in (operations or {}).items():
            operation["operationId"] = self._operation_id(rule.endpoint if rule else "")
            operation["description"] = _operation_description(operation)
            responses = operation["responses"]
            for status in _error_statuses(path or "", method, operation):
                if not isinstance(responses.get(status), dict):
                    responses[status] = ERROR_RESPONSES[status].name
            responses["default"] = PROBLEM
            for answer in responses.values():
                if isinstance(answer, dict):
                    served = _STORE_HEADERS if UNAVAILABLE_RESPONSE in responses.values() else ()
                    answer["headers"] = header_refs(*answer.get("headers", ()), REQUEST_ID, *served)
            operation["responses"] = {key: responses[key] for key in sorted(responses, key=str)}

    def _operation_id(self, endpoint: str) -> str:
        """The name of the view; preceded by its blueprint's name where it is not unique."""
        blueprint, _, view = endpoint.rpartition(".")
        name = view if view not in self._operation_ids else f"{blueprint}_{view}"
        self._operation_ids.add(name)
        return name


def _error_statuses(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    """The statuses of errors that a request of this form can cause."""
    parameters = operation.get("parameters", ())
    if "requestBody" in operation:
        yield from (400, 413, 415, 422)
    if operation.get("security"):
        yield 401
    if "{" in path or IDEMPOTENCY_KEY in parameters:
        yield 404
    if method in _UNSAFE_METHODS:
        yield 409
    if IF_MATCH in parameters:
        yield 412
    if any(isinstance(one, dict) or one not in _UNVALIDATED_HEADERS for one in parameters):
        yield 422


def _operation_description(operation: dict[str, Any]) -> str:
    """What it does, and who may do it."""
    what = operation.get("description") or f"{operation['summary']}."
    who = operation.get("x-roles", "anyone")
    known = "; with the token of an account, the request is made as that account"
    return f"{what}\n\nAllowed for {who}{known if {} in operation.get('security', ()) else ''}."


def _error_component(error: ErrorResponse) -> dict[str, Any]:
    served = _STORE_HEADERS if error.status not in (401, 503) else ()
    sometimes = {
        name: {**RESPONSE_HEADERS[name], "required": False} for name in error.optional_headers
    }
    examples = {kind.slug: {"summary": kind.title, "value": kind.example} for kind in error.types}
    media = {"schema": Problem, "examples": examples}
    return {
        "description": error.description,
        "headers": {**header_refs(REQUEST_ID, *error.required_headers, *served), **sometimes},
        "content": {CONTENT_TYPE: media},
    }


def _default_error_component() -> dict[str, Any]:
    media = {"schema": Problem, "example": example_of(Problem)}
    return {
        "description": "Any other error",
        "headers": header_refs(REQUEST_ID),
        "content": {CONTENT_TYPE: media},
    }


def _refine_string_schema(
    _converter: OpenAPIConverter, field: Any, ret: dict[str, Any], **_: Any
) -> dict[str, Any]:
    """Choices are words, and patterns end as they do in JavaScript."""
    made: dict[str, Any] = {}
    if isinstance(field, LateChoice):
        made["enum"] = [*field.choices()]
    if "enum" in ret:
        made["type"] = "string"
    if ret.get("pattern", "").endswith(r"\Z"):
        made["pattern"] = ret["pattern"].removesuffix(r"\Z") + "$"
    return made
