"""Examples for the documentation, made from the schemas: what a field says of itself, first."""

from __future__ import annotations

from enum import Enum
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from blueprints.http.fields import LateChoice, RequestSchema

EXAMPLE_ID = "01a1fd5b-738a-7340-82a6-7288b9785b65"
_DEFAULT_EXAMPLES: tuple[tuple[type[fields.Field[Any]], Any], ...] = (
    (fields.UUID, EXAMPLE_ID),
    (fields.Integer, 1),
    (fields.Float, 1.5),
    (fields.Boolean, True),
    (fields.DateTime, "2036-05-01T16:30:00Z"),
    (fields.Dict, {}),
    (fields.String, "text"),
)


def example_of(schema: ma.Schema | type[ma.Schema]) -> Any:
    """A value of the schema. In requests, what may be left out is, unless it has an example."""
    made = schema() if isinstance(schema, type) else schema
    return {
        name: _example(field) for name, field in made.fields.items() if _has_example(made, field)
    }


def _has_example(schema: ma.Schema, field: fields.Field[Any]) -> bool:
    return field.required or "example" in field.metadata or not isinstance(schema, RequestSchema)


def _first_value(choices: type[Enum]) -> Any:
    return next(iter(choices)).value


def _example(field: fields.Field[Any]) -> Any:
    if "example" in field.metadata:
        return field.metadata["example"]
    choices = [one.choices for one in field.validators if isinstance(one, validate.OneOf)]
    if choices:
        return next(iter(choices[0]))
    match field:
        case fields.Nested():
            return example_of(field.schema)
        case fields.List():
            return [_example(field.inner)]
        case LateChoice():
            return field.choices()[0]
        case fields.Enum():
            return _first_value(field.enum)
    return next(value for kind, value in _DEFAULT_EXAMPLES if isinstance(field, kind))
