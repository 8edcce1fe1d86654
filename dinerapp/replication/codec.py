"""Records as plain values and back, and what both databases can hold of them."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import msgspec

from dinerapp.replication.errors import InvalidRecord
from dinerapp.replication.record import Record, truncate_to_milliseconds

R = TypeVar("R", bound=Record)

ENVELOPE_FIELDS = frozenset(field.name for field in fields(Record))
BUCKET_COUNT = 4096
MAX_DEPTH = 32
_INT64 = 2**63
_ID_PATTERN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_Path: TypeAlias = tuple[Any, object] | None
"""The name of a place within a value, and the path of what that is in."""
_encoder = msgspec.json.Encoder(order="deterministic")


def dump(record: Record) -> dict[str, Any]:
    """The record as dicts, lists and scalars; times stay datetimes."""
    plain: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(datetime,))
    return plain


def warm_up(record_type: type[Record]) -> None:
    """Has to be done for every type before threads begin: msgspec finds out how to read a type
    when it first does so, and crashes the process when two threads are at that at once."""
    msgspec.json.Decoder(record_type)


def load(record_type: type[R], plain: Mapping[str, Any]) -> R:
    """The record that `dump` wrote, or that a database's JSON gives back."""
    return msgspec.convert(plain, record_type)


def content(record: Record) -> dict[str, Any]:
    """What the record says, without its envelope."""
    return {name: value for name, value in dump(record).items() if name not in ENVELOPE_FIELDS}


def encode(value: object) -> bytes:
    """Equal values give equal bytes."""
    return _encoder.encode(value)


def digest(record: Record) -> int:
    """44 bits over the whole state; sums of 2**19 of them still fit a 64-bit integer."""
    hashed = hashlib.blake2b(_encoder.encode(record), digest_size=8).digest()
    return int.from_bytes(hashed) >> 20


def bucket(record_id: str) -> int:
    """The consistency bucket an id falls into, the same in every store."""
    hashed = hashlib.blake2b(record_id.encode(), digest_size=2).digest()
    return int.from_bytes(hashed) % BUCKET_COUNT


def canonical(record: R) -> R:
    """The record as both databases give it back unchanged; InvalidRecord when they cannot."""
    if not _ID_PATTERN.fullmatch(record.id):
        raise InvalidRecord("id", "must be a UUID in lower case")
    record.validate()
    try:
        return load(type(record), _canonical_value(dump(record)))
    except msgspec.ValidationError as exc:
        reason, _, path = str(exc).partition(" - at `$.")
        raise InvalidRecord(path.rstrip("`"), reason) from exc
    except (TypeError, RecursionError, OverflowError) as exc:
        raise InvalidRecord("", f"holds a value that cannot be stored: {exc}") from exc


def is_storable(value: object) -> bool:
    """Whether a record could hold the value."""
    try:
        _canonical_value(value)
    except InvalidRecord:
        return False
    return True


def _canonical_value(value: Any, path: _Path = None, depth: int = 0) -> Any:
    make = _CONVERTERS.get(type(value)) or _converter_of_base(value)
    if make is None:
        raise _invalid_at(path, f"a value of type {type(value).__name__} cannot be stored")
    return make(value, path, depth)


def _unchanged(value: Any, _path: _Path, _depth: int) -> Any:
    return value


def _text(value: str, path: _Path, _depth: int) -> str:
    if "\0" in value:
        raise _invalid_at(path, "must not contain NUL characters")
    if not (value.isascii() or _is_unicode(value)):
        raise _invalid_at(path, "must be valid Unicode, without lone surrogates")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _integer(value: int, path: _Path, _depth: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise _invalid_at(path, "must fit in a signed 64-bit integer")
    return value


def _float(value: float, path: _Path, _depth: int) -> float:
    if not math.isfinite(value):
        raise _invalid_at(path, "must be a finite number")
    return value or 0.0


def _datetime_text(value: datetime, path: _Path, _depth: int) -> str:
    """As text, so that a time where any value may stand is one in every database."""
    if value.tzinfo is None:
        raise _invalid_at(path, "must carry a time zone")
    try:
        return truncate_to_milliseconds(value).isoformat()
    except OverflowError:
        raise _invalid_at(path, "is beyond the calendar") from None


def _mapping(value: Mapping[Any, Any], path: _Path, depth: int) -> dict[str, Any]:
    _require_shallow(path, depth)
    for key in value:
        if not _is_field_name(key):
            raise _invalid_at(path, f"{key!r} cannot be a field name")
    return {key: _canonical_value(item, (path, key), depth + 1) for key, item in value.items()}


def _list(value: Sequence[Any], path: _Path, depth: int) -> list[Any]:
    _require_shallow(path, depth)
    return [_canonical_value(item, (path, index), depth + 1) for index, item in enumerate(value)]


_CONVERTERS: Mapping[type, Callable[[Any, _Path, int], Any]] = {
    type(None): _unchanged,
    bool: _unchanged,
    str: _text,
    int: _integer,
    float: _float,
    datetime: _datetime_text,
    dict: _mapping,
    list: _list,
    tuple: _list,
}


def _converter_of_base(value: Any) -> Callable[[Any, _Path, int], Any] | None:
    return next((make for base, make in _CONVERTERS.items() if isinstance(value, base)), None)


@lru_cache(10_000)
def _is_field_name(key: Any) -> bool:
    if not isinstance(key, str) or not key or key.startswith("$"):
        return False
    return "\0" not in key and "." not in key and _is_unicode(key)


def _require_shallow(path: _Path, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _invalid_at(path, f"is nested deeper than {MAX_DEPTH} levels")


def _invalid_at(path: _Path, reason: str) -> InvalidRecord:
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(str(name))
    return InvalidRecord(".".join(reversed(names)), reason)
