"""Schema parts that all domains share: strict by default, with words a stranger understands."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

MOST_MONEY = 10**9


class Text(fields.String):
    """A string that both databases hold unchanged."""

    def __init__(self, least: int = 0, most: int = 1000, **options: Any) -> None:
        own = options.pop("validate", None)
        checks = [validate.Length(min=least, max=most), _storable, *([own] if own else [])]
        super().__init__(validate=checks, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return value


class Whole(fields.Integer):
    """A JSON integer: no strings, no floats, no booleans."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=least, max=most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class Money(Whole):
    """Minor units of the restaurant's currency."""

    def __init__(self, least: int = 0, most: int = MOST_MONEY, **options: Any) -> None:
        super().__init__(least, most, **options)


class Flag(fields.Boolean):
    """true or false, nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """A time with its zone, RFC 3339."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", default_timezone=None, **options)


class Problem(ma.Schema):
    """An error, as RFC 9457 has it."""

    type = fields.String(metadata={"example": "urn:dinerapp:problem:validation"})
    title = fields.String(metadata={"example": "The request is not valid"})
    status = fields.Integer(metadata={"example": 422})
    detail = fields.String(metadata={"example": "items.0.quantity: must be at least 1"})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "what is wrong, field by field"},
    )
    request_id = fields.String(metadata={"description": "quote this when you ask for help"})


def _storable(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError("must not contain NUL characters")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ma.ValidationError("must be valid Unicode, without lone surrogates")
