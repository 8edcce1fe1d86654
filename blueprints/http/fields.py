"""Fields that all schemas share: strict by default, with error messages for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from dinerapp.accounts.domain.users import MAX_EMAIL_LENGTH
from dinerapp.ordering.domain.hours import parse_time

MAX_AMOUNT = 10**9
EMAIL_VALIDATOR = validate.Email(error="must be an e-mail address")
_HTTP_URL_VALIDATOR = validate.URL(
    schemes={"http", "https"},
    require_tld=False,
    error="must be a URL that begins with http:// or https://",
)
_PHONE_PATTERN = re.compile(r"\+?[0-9]{5,20}")
_DIGITS_PATTERN = re.compile(r"[0-9]{1,18}")


def _messages(**messages: Any) -> dict[str, Any]:
    return messages


class RequestSchema(ma.Schema):
    """The base of all request schemas."""

    error_messages = _messages(type="must be an object", unknown="is not a known field")


class Text(fields.String):
    """A string that both databases store unchanged; not only blanks, unless it may be empty.

    One that is too long is rejected before anything else looks at it: patterns and Unicode
    normalisation can take seconds for 100 kB of the wrong characters.
    """

    default_error_messages = _messages(
        invalid="must be a string", length="must be {least} to {most} characters long"
    )

    def __init__(self, min_length: int = 0, max_length: int = 1000, **options: Any) -> None:
        own = options.pop("validate", None)
        length = validate.Length(
            min_length, max_length, error=f"must be {min_length} to {max_length} characters long"
        )
        blank = [_check_not_blank] if min_length else []
        checks = [length, *blank, _check_storable, *([own] if own else [])]
        super().__init__(validate=checks, **options)
        self._length_range = (min_length, max_length)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        least, most = self._length_range
        if len(value) > most:
            raise self.make_error("length", least=least, most=most)
        return value


class Phone(Text):
    """A phone number; spaces, dots, dashes and brackets are ignored."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        digits = re.sub(r"[ ()./-]", "", text)
        if not _PHONE_PATTERN.fullmatch(digits):
            raise ma.ValidationError("must be a telephone number, e.g. +49 30 1234567")
        return digits


class RecordId(fields.UUID):
    """The id of a record, as records hold it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return str(super()._deserialize(value, attr, data, **options))


class HttpUrl(Text):
    """An http(s) URL. The server never follows it."""

    def __init__(self, max_length: int = 2000, **options: Any) -> None:
        given = options.pop("metadata", {})
        super().__init__(
            1,
            max_length,
            validate=_HTTP_URL_VALIDATOR,
            metadata={"format": "uri"} | given,
            **options,
        )


class Email(Text):
    """An e-mail address."""

    def __init__(self, **options: Any) -> None:
        metadata = {"format": "email", "example": "ada@example.org"}
        super().__init__(
            1, MAX_EMAIL_LENGTH, validate=EMAIL_VALIDATOR, metadata=metadata, **options
        )


class StrictInt(fields.Integer):
    """A JSON integer: no strings, no floats, no booleans."""

    default_error_messages = _messages(invalid="must be a whole number")

    def __init__(self, min_value: int, max_value: int, **options: Any) -> None:
        limits = validate.Range(
            min_value, max_value, error=f"must be from {min_value} to {max_value}"
        )
        super().__init__(validate=limits, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class QueryInt(StrictInt):
    """An integer in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if not isinstance(value, str) or not _DIGITS_PATTERN.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Money(StrictInt):
    """An amount in minor units of the restaurant's currency."""

    def __init__(self, min_value: int = 0, max_value: int = MAX_AMOUNT, **options: Any) -> None:
        super().__init__(min_value, max_value, **options)


class StrictBool(fields.Boolean):
    """A JSON boolean, and nothing that resembles one."""

    default_error_messages = _messages(invalid="must be true or false")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryBool(fields.Boolean):
    """true or false in a query string."""

    default_error_messages = _messages(invalid="must be true or false")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if value not in ("true", "false"):
            raise self.make_error("invalid", input=value)
        return bool(value == "true")


class TimeOfDay(fields.String):
    """A local time of day in the restaurant; 24:00 is midnight."""

    default_error_messages = _messages(invalid="must be a time of day, e.g. 17:30")

    def __init__(self, **options: Any) -> None:
        pattern = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", "example": "17:30"}
        given = options.pop("metadata", {})
        super().__init__(metadata=pattern | given, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        try:
            return parse_time(value)
        except ValueError:
            raise self.make_error("invalid") from None


class UtcDateTime(fields.AwareDateTime):
    """An RFC 3339 time with its zone, converted to UTC."""

    _MESSAGE = "must be a date and time with its time zone, e.g. 2036-05-01T18:30:00+02:00"
    default_error_messages = _messages(
        invalid=_MESSAGE,
        invalid_awareness=_MESSAGE,
        beyond="is outside the supported range of dates",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", default_timezone=None, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        try:
            return super()._deserialize(value, attr, data, **options).astimezone(UTC)
        except OverflowError:
            raise self.make_error("beyond") from None


class LateChoice(fields.String):
    """One of some words that are known only once the application is built."""

    default_error_messages = _messages(unknown="Must be one of: {choices}.")

    def __init__(self, choices: Callable[[], Sequence[str]], **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if value not in self.choices():
            raise self.make_error("unknown", choices=", ".join(self.choices()))
        return str(value)


class _LateLength(validate.Length):
    """A length whose limit is known only once the application is built."""

    def __init__(self, least: int, most: Callable[[], int]) -> None:
        super().__init__(least, least)
        self._most = most

    @property
    def max(self) -> int:
        return self._most()

    @max.setter
    def max(self, _value: int) -> None:
        """marshmallow sets it."""


class BoundedList(fields.List[Any]):
    """A list; one that is too long is rejected before its items are loaded."""

    default_error_messages = _messages(
        invalid="must be a list", length="must have {least} to {most} entries"
    )

    def __init__(
        self,
        item: fields.Field[Any],
        min_items: int,
        max_items: int | Callable[[], int],
        **options: Any,
    ) -> None:
        length = (
            _LateLength(min_items, max_items)
            if callable(max_items)
            else validate.Length(min_items, max_items)
        )
        super().__init__(item, validate=length, **options)
        self._length = length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        least, most = self._length.min or 0, self._length.max or 0
        if isinstance(value, list) and not least <= len(value) <= most:
            raise self.make_error("length", least=least, most=most)
        return super()._deserialize(value, attr, data, **options)


class Problem(ma.Schema):
    """An error, as defined by RFC 9457."""

    type = fields.String(metadata={"example": "urn:dinerapp:problem:validation"})
    title = fields.String(metadata={"example": "The request is not valid"})
    status = fields.Integer(metadata={"example": 422})
    detail = fields.String(metadata={"example": "items.0.quantity: must be from 1 to 1000"})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={
            "description": "what is wrong with each field",
            "example": {"items.0.quantity": ["must be from 1 to 1000"]},
        },
    )
    request_id = fields.String(
        metadata={
            "description": "quote this when you report a problem",
            "example": "01a1fd5b-7388-7340-82a6-728652d2adba",
        }
    )


def _check_not_blank(value: str) -> None:
    if value and value.isspace():
        raise ma.ValidationError("must not be blank")


def _check_storable(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError("must not contain NUL characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ma.ValidationError("must be valid Unicode, without lone surrogates") from None
