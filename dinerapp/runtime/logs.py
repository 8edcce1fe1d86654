"""Log lines: one JSON object each, without secrets, with the request they belong to."""

from __future__ import annotations

import logging.config
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import orjson
import structlog
from flask import Flask, Response, g, request

from dinerapp.replication import served_by
from dinerapp.replication.signals import connection_lost, connection_restored
from dinerapp.replication.version import Place
from dinerapp.runtime.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

_log = structlog.get_logger(__name__)

HIDDEN = "…"
SHORTEST_SECRET = 6
_TELLING = (
    "://",
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "authorization",
    "api_key",
    "$argon2",
)
_IN_URLS = r"(?<=://)([^\s:/@\"]*):[^\s/\"]*(?=@)"
_HASHES = r"\$argon2\w+\$[^\s\"\\]+"
_IN_DSNS = r"\b(password|passwd|pwd|api_key|token)=[^\s&\"]+"
_NAMED = r'("[\w-]*(?:password|secret|token|authorization|api_key)[\w-]*":)"(?:[^"\\]|\\.)*"'


class SecretMask:
    """Hides passwords in URLs, values with telling names, and the secrets of the settings."""

    def __init__(self, settings: Settings | None = None) -> None:
        known = [_inside_json(secret) for secret in _secrets(settings)] if settings else []
        literal = "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)"
        self._pattern = re.compile(
            f"{_NAMED}|{_IN_URLS}|{_IN_DSNS}|{_HASHES}|{literal}", re.IGNORECASE
        )
        self._hints = (*_TELLING, *map(str.lower, known))

    def __call__(self, text: str) -> str:
        # Most lines hold nothing to hide, and finding that out must not cost more than the line.
        lowered = text.lower()
        if not any(hint in lowered for hint in self._hints):
            return text
        return self._pattern.sub(_hidden, text)


def configure_logging(settings: Settings, stream: str = "stdout") -> None:
    """Sends every line, ours and the libraries', as JSON to `stdout` or `stderr`."""
    logging.config.dictConfig(_standard_logging(settings, stream))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _add_name, *_SHARED, Line(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=lambda *names: _Output(stream, *names),
        cache_logger_on_first_use=False,
    )


def register_access_log(app: Flask, settings: Settings) -> None:
    """One line for every request; LOG_LEVEL=warning does without."""
    if settings.log_level in ("debug", "info"):
        app.before_request(_begin)
        app.after_request(_end)


def connect_receivers(settings: Settings) -> None:
    """One line for every failover and for every recovery."""
    _stores.clear()
    single = bool(settings.database_url) != bool(settings.mongodb_uri)
    _stores.update(() if single else (Place.POSTGRESQL, Place.MONGODB))
    connection_lost.connect(log_lost)
    connection_restored.connect(log_restored)


def log_lost(_sender: object, place: str, reason: str) -> None:
    """`[POSTGRESQL] failed, falling back to mongodb: connection refused`"""
    _lost.add(place)
    other = next(iter(_stores - {place}), None) if place in _stores else None
    if other is None:
        words = "failed"
    elif other in _lost:
        words = f"failed, and {other} is down too"
    else:
        words = f"failed, falling back to {other}"
    _log.warning(f"[{place.upper()}] {words}: {reason}", store=place, reason=reason)


def log_restored(_sender: object, place: str, seconds: float) -> None:
    """`[POSTGRESQL] restored after 12.3 s, nothing owed`"""
    event = f"[{place.upper()}] connected"
    if place in _lost:
        owed = ", nothing owed" if place in _stores else ""
        event = f"[{place.upper()}] restored after {seconds:.1f} s{owed}"
    _lost.discard(place)
    _log.info(event, store=place, seconds=round(seconds, 3))


_stores: set[str] = set()
_lost: set[str] = set()


class Line:
    """The last processor: the finished line, masked."""

    def __init__(self, settings: Settings) -> None:
        self._mask = SecretMask(settings)

    def __call__(self, _logger: object, _method: str, event: EventDict) -> str:
        first = {name: event.pop(name, None) for name in ("time", "level", "event", "logger")}
        return self._mask(orjson.dumps({**first, **event}, default=str, option=_OPTIONS).decode())


_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
_SHARED: list[Processor] = [
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.stdlib.add_log_level,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


class _Output:
    """Writes whole lines, one at a time. Asks for the stream each time: others may replace it."""

    _lock = threading.Lock()

    def __init__(self, stream: str, name: str = "dinerapp") -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        stream = getattr(sys, self._stream)
        with self._lock:
            stream.write(f"{line}\n")
            stream.flush()

    debug = info = warning = error = critical = exception = fatal = log = msg


class _Handler(logging.Handler):
    """What libraries log takes the same way out."""

    def __init__(self, output: str) -> None:
        super().__init__()
        self._output = _Output(output)

    def emit(self, record: logging.LogRecord) -> None:
        self._output.msg(self.format(record))


def _add_name(logger: Any, _method: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _standard_logging(settings: Settings, stream: str) -> dict[str, Any]:
    # At INFO these say what is of interest to their own developers only, and at WARNING the pool
    # repeats all through an outage what one line of ours has said.
    quiet = {name: {"level": "WARNING"} for name in ("psycopg", "pymongo", "asyncio", "werkzeug")}
    quiet["psycopg.pool"] = {"level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": _formatter, "settings": settings}},
        "handlers": {"lines": {"()": _Handler, "output": stream, "formatter": "json"}},
        "root": {"level": settings.log_level.upper(), "handlers": ["lines"]},
        "loggers": quiet,
    }


def _formatter(settings: Settings) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Line(settings)],
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            *_SHARED,
        ],
    )


def _begin() -> None:
    g.log_began = time.perf_counter()


def _end(response: Response) -> Response:
    began: float | None = g.pop("log_began", None)
    if began is not None:
        _log.info("request", **_described(response), ms=_milliseconds(began))
    return response


def _described(response: Response) -> Mapping[str, Any]:
    served = served_by.by_whom()
    return {
        "method": request.method,
        "path": request.url_rule.rule if request.url_rule else "unknown",
        "status": response.status_code,
        "store": served.place if served else None,
        "role": served.role if served else None,
    }


def _milliseconds(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)


def _secrets(settings: Settings) -> set[str]:
    values = {str(getattr(settings, one.name) or "") for one in fields(settings) if not one.repr}
    passwords = {urlsplit(value).password or "" for value in values if "://" in value}
    plain = {value for value in values if "://" not in value}
    found = plain | passwords | {unquote(password) for password in passwords}
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}


def _inside_json(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _hidden(match: re.Match[str]) -> str:
    name, user, key = match.group(1, 2, 3)
    if name is not None:
        return f'{name}"{HIDDEN}"'
    if user is not None:
        return f"{user}:{HIDDEN}"
    return HIDDEN if key is None else f"{key}={HIDDEN}"
