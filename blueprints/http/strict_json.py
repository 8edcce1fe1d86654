"""Strict JSON: refuses what two parsers could read as different values."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
from flask.json.provider import JSONProvider

MAX_NUMBER_LENGTH = 40
MAX_NAME_LENGTH = 100
_LONG_NUMBER_PATTERN = re.compile(f"[-0-9][0-9]{{{MAX_NUMBER_LENGTH}}}")


class NotJson(ValueError):
    """The text is not acceptable JSON; the message says where and why."""


def loads(data: bytes) -> Any:
    """The parsed value; NotJson for invalid UTF-8, duplicate keys, NaN, and excessive numbers or
    nesting."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise NotJson(f"the body is not valid UTF-8 at byte {exc.start}") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_reject_duplicates,
            parse_constant=_reject_constant,
            # It is called for every number: only where one may be too long.
            parse_int=_parse_int if _LONG_NUMBER_PATTERN.search(text) else None,
        )
    except json.JSONDecodeError as exc:
        raise NotJson(f"{exc.msg} at line {exc.lineno}, column {exc.colno}") from None
    except RecursionError:
        raise NotJson("the body is nested too deeply") from None


def dumps(value: Any) -> bytes:
    """JSON bytes; integer keys become strings, as marshmallow's list errors require."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


class StrictJSONProvider(JSONProvider):
    """The provider with which Flask reads and writes JSON."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return loads(s.encode() if isinstance(s, str) else s)


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotJson(f"the field {name!r} is given twice")
        _check_name(name)
        found[name] = value
    return found


def _check_name(name: str) -> None:
    """Names of fields appear in error responses, so their length is limited."""
    if len(name) > MAX_NAME_LENGTH:
        raise NotJson(
            f"the name of the field {name[:20]!r}… is longer than {MAX_NAME_LENGTH} characters"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise NotJson(f"the name of the field {name!r} is not valid Unicode") from None


def _reject_constant(name: str) -> Any:
    raise NotJson(f"{name} is not a JSON number")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise NotJson(f"a number has {len(digits)} digits; at most {MAX_NUMBER_LENGTH} are allowed")
    return int(digits)
