"""JSON that means one thing: what two readers could take for different values is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
from flask.json.provider import JSONProvider

TOO_LONG_A_NUMBER = 40
TOO_LONG_A_NAME = 100
_MANY_DIGITS = re.compile(f"[-0-9][0-9]{{{TOO_LONG_A_NUMBER}}}")


class NotJson(ValueError):
    """The text is not the JSON we accept; the message says where and why."""


def loads(data: bytes) -> Any:
    """The value; NotJson for invalid UTF-8, duplicate keys, NaN and absurd numbers or nesting."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise NotJson(f"the body is not valid UTF-8 at byte {exc.start}") from None
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            # It is called for every number: only where one may be too long.
            parse_int=_whole if _MANY_DIGITS.search(text) else None,
        )
    except json.JSONDecodeError as exc:
        raise NotJson(f"{exc.msg} at line {exc.lineno}, column {exc.colno}") from None
    except RecursionError:
        raise NotJson("the body is nested too deeply") from None


def dumps(value: Any) -> bytes:
    """JSON bytes; integer keys become strings, as marshmallow's list errors need."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


class StrictJSONProvider(JSONProvider):
    """What Flask itself uses to read and write JSON."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return loads(s.encode() if isinstance(s, str) else s)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotJson(f"the field {name!r} is given twice")
        _check_name(name)
        found[name] = value
    return found


def _check_name(name: str) -> None:
    """Names of fields come back in error answers, so they must fit in there."""
    if len(name) > TOO_LONG_A_NAME:
        raise NotJson(f"the name of the field {name[:20]!r}… is longer than {TOO_LONG_A_NAME}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise NotJson(f"the name of the field {name!r} is not valid Unicode") from None


def _no_constant(name: str) -> Any:
    raise NotJson(f"{name} is not a JSON number")


def _whole(digits: str) -> int:
    if len(digits) > TOO_LONG_A_NUMBER:
        raise NotJson(f"a number of {len(digits)} digits is too long")
    return int(digits)
