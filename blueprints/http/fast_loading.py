"""Loads requests with their schemas: on a fast path while they are valid, in full after an error.

marshmallow tracks possible errors field by field, which takes several times as long as loading. The
fast path uses the same fields, validators and hooks of the same schema; at the first error it gives
up, and `schema.load` produces the messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
from flask import g, request
from marshmallow import fields, validate
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType

from blueprints.http import strict_json
from dinerapp.replication.errors import InvalidRecord

Loader = Callable[[Any], Any]
_FieldLoader = Callable[[Any, str, Any], Any]

_UNSUPPORTED_HOOKS = ("pre_load", "validates", "validates_schema")


def read_body() -> Any:
    """The request's strict JSON, or an empty object; `g.body` keeps it."""
    data = request.get_data()
    if data and not request.is_json:
        raise UnsupportedMediaType("the body must be sent as application/json")
    g.body = strict_json.loads(data) if data else {}
    return g.body


def read_query() -> Mapping[str, str]:
    """The request's query parameters, each of which may be given once."""
    if not request.query_string:
        return {}
    given: MultiDict[str, str] = request.args
    for name, values in given.lists():
        if len(values) > 1:
            raise InvalidRecord(name, "is given more than once")
    return given.to_dict()


def compile_loader(schema: ma.Schema) -> Loader:
    """A function that returns and raises the same as `schema.load`."""
    short = _fast_loader(schema)

    def read(data: Any) -> Any:
        try:
            return short(data)
        except ma.ValidationError:
            return schema.load(data)

    return read


def _fast_loader(schema: ma.Schema) -> Loader:
    if not _is_supported(schema):
        return schema.load
    parts = [
        (field.data_key or name, field.attribute or name, _field_loader(field))
        for name, field in schema.load_fields.items()
    ]
    known = frozenset(key for key, _, _ in parts)
    hooks = [getattr(schema, name) for name, _, _ in schema._hooks["post_load"]]

    def short(data: Any) -> Any:
        if not isinstance(data, Mapping) or not known.issuperset(data):
            raise ma.ValidationError("is not such an object")
        made: Any = {}
        for key, name, read in parts:
            value = read(data.get(key, ma.missing), key, data)
            if value is not ma.missing:
                made[name] = value
        for hook in hooks:
            made = hook(made, many=False, partial=None, unknown=ma.RAISE)
        return made

    return short


def _is_supported(schema: ma.Schema) -> bool:
    """Whether the schema only uses what the fast path supports."""
    hooks = schema._hooks
    return (
        schema.unknown == ma.RAISE
        and not (schema.many or schema.partial)
        and not any(hooks[kind] for kind in _UNSUPPORTED_HOOKS)
        and not any(many or more.get("pass_original") for _, many, more in hooks["post_load"])
        and not any("." in (field.attribute or "") for field in schema.load_fields.values())
    )


def _field_loader(field: fields.Field[Any]) -> _FieldLoader:
    if type(field) is fields.Nested and not field.many and field.unknown is None:
        return _nested_loader(field)
    lengths_only = all(isinstance(each, validate.Length) for each in field.validators)
    if isinstance(field, fields.List) and lengths_only:
        return _list_loader(field)
    return _with_validators(field, field._deserialize)


def _nested_loader(field: fields.Nested) -> _FieldLoader:
    inner = _fast_loader(field.schema)
    return _with_validators(field, lambda value, key, data: inner(value))


def _list_loader(field: fields.List[Any]) -> _FieldLoader:
    inner = _field_loader(field.inner)

    def read(value: Any, key: str, data: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ma.ValidationError("is not a list")
        for check in field.validators:
            check(value)
        return [inner(each, key, value) for each in value]

    return _with_validators(field, read)


def _with_validators(field: fields.Field[Any], read: _FieldLoader) -> _FieldLoader:
    checks = tuple(field.validators)

    def checked(value: Any, key: str, data: Any) -> Any:
        if value is ma.missing or value is None:
            return field.deserialize(value, key, data)
        made = read(value, key, data)
        for check in checks:
            check(made)
        return made

    return checked
