"""Schemas of requests, made from the fields of the record they are about."""

from __future__ import annotations

import dataclasses
from copy import copy
from datetime import datetime
from enum import Enum
from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import marshmallow as ma
from marshmallow import fields

from blueprints.http.fields import RequestSchema, StrictBool, StrictInt, Text, UtcDateTime
from dinerapp.replication.bounds import Bounds
from dinerapp.replication.record import Record

SchemaType = type[ma.Schema]
Field = fields.Field[Any]


def request_schema(record_type: type[Record], names: str, **others: Field) -> SchemaType:
    """A schema for these fields of the record; those without a default are required. `others` are
    fields that a type and bounds do not describe: a phone number, the id of a record."""
    hints = get_type_hints(record_type, include_extras=True)
    known = {each.name: each for each in dataclasses.fields(record_type)}
    derived = {each: _field(hints[each], known[each]) for each in names.split()}
    members = {"__doc__": about(record_type), **derived, **others}
    return type(f"{record_type.__name__}In", (RequestSchema,), members)


def with_all_optional(schema: SchemaType) -> SchemaType:
    """The schema for changes: fields that are left out stay as they are."""
    optional = {each: copy(field) for each, field in schema._declared_fields.items()}
    for field in optional.values():
        field.required, field.load_default = False, ma.missing
    name = f"{schema.__name__.removesuffix('In')}Changes"
    return type(name, (schema,), {"__doc__": "What changes; all is optional.", **optional})


def about(record_type: type[Record]) -> str:
    """The first sentence of the docstring of the record type."""
    return (record_type.__doc__ or "").partition(".")[0] + "."


def _field(hint: Any, declared: dataclasses.Field[Any]) -> Field:
    defaults = (declared.default, declared.default_factory)
    options: dict[str, Any] = {"required": all(it is dataclasses.MISSING for it in defaults)}
    hint, bounds = _unwrap(hint)
    if type(None) in get_args(hint):
        options |= {"allow_none": True}
        hint, inner_bounds = _unwrap(_without_none(hint))
        bounds = bounds or inner_bounds
    if bounds is not None and bounds.about:
        options["metadata"] = {"description": bounds.about}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return fields.Enum(hint, by_value=True, **options)
    if hint in (str, int):
        if bounds is None:
            raise TypeError(f"{declared.name}: requests need Bounds for it")
        make = Text if hint is str else StrictInt
        return make(bounds.least, bounds.most, **options)
    if hint not in _UNBOUNDED:
        raise TypeError(f"{declared.name}: no request field follows from {hint}; name it in others")
    unbounded: Field = _UNBOUNDED[hint](**options)
    return unbounded


def _without_none(hint: Any) -> Any:
    return reduce(or_, (each for each in get_args(hint) if each is not type(None)))


def _unwrap(hint: Any) -> tuple[Any, Bounds | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    inner, *notes = get_args(hint)
    return inner, next((each for each in notes if isinstance(each, Bounds)), None)


_UNBOUNDED: dict[Any, Any] = {bool: StrictBool, datetime: UtcDateTime}
