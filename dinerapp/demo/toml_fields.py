"""Reads the tables of a TOML file field by field, with clear messages about invalid ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

T = TypeVar("T")
Read = Callable[[Any], T]
"""Converts a TOML value, or raises ValueError with a message that says what is accepted."""

_REQUIRED: Any = object()


class Fields:
    """The fields of one table. `owner` is the name of the table in messages."""

    def __init__(self, owner: str, value: object) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{owner} must be a table")
        self._owner = owner
        self._table: Mapping[str, Any] = value
        self._known: list[str] = []

    def get(self, name: str, read: Read[T], default: T = _REQUIRED) -> T:
        """The value of the field. A field without a default is required."""
        self._known.append(name)
        if name not in self._table:
            if default is _REQUIRED:
                raise self.error(name, "is missing")
            return default
        try:
            return read(self._table[name])
        except ValueError as exc:
            raise self.error(name, str(exc)) from exc

    def error(self, name: str, problem: str) -> ValueError:
        """The error for a problem with the field."""
        return ValueError(f"{self._owner}: {name} {problem}")

    def require_no_others(self) -> None:
        """Refuses unknown fields. A misspelt field must not be ignored: it may be `allergens`."""
        for name in self._table:
            if name not in self._known:
                known = ", ".join(self._known)
                raise ValueError(
                    f"{self._owner}: {name!r} is not a known field; the fields are: {known}"
                )


def text(most: int, least: int = 1) -> Read[str]:
    """Text that both databases can store. It must not be blank, unless `least` is 0."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise ValueError(f"must be text of {least} to {most} characters, in quotation marks")
        if least and not value.strip():
            raise ValueError("must not be blank")
        if "\0" in value:
            raise ValueError("must not contain NUL characters")
        return value

    return read


def whole(least: int, most: int) -> Read[int]:
    """A whole number from `least` to `most`."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def amount(least: int, most: int, decimals: int) -> Read[int]:
    """A number with at most `decimals` digits after the point, as a multiple of the smallest unit.
    The limits are in that unit, too."""
    unit = Decimal(1).scaleb(-decimals)
    accepted = f"must be a number from {least * unit} to {most * unit}"
    if decimals:
        accepted += f" with at most {decimals} digits after the point"

    def read(value: object) -> int:
        if not isinstance(value, int | Decimal) or isinstance(value, bool):
            raise ValueError(accepted)
        number = Decimal(value)
        if not number.is_finite() or not least * unit <= number <= most * unit or number % unit:
            raise ValueError(accepted)
        return int(number / unit)

    return read


def flag(value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def table(value: object) -> Mapping[str, Any]:
    """A table with any contents."""
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return value


def list_of(read: Read[T], most: int) -> Read[tuple[T, ...]]:
    """A list of at most `most` values."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"must be a list of at most {most}")
        return tuple(read(item) for item in value)

    return read_all


def require_distinct(names: Sequence[str]) -> None:
    """Raises ValueError for the first name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"contains {name!r} twice")
        seen.add(name)
