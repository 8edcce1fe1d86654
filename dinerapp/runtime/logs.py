"""Log lines: one JSON object each, with the id of the request and without secrets."""

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
from dinerapp.replication.version import StoreId
from dinerapp.runtime.settings import Settings

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

_log = structlog.get_logger(__name__)

MASK = "…"
MIN_SECRET_LENGTH = 6
_SENSITIVE_WORDS = (
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
_URL_PASSWORD = r"(?<=://)([^\s:/@\"]*):[^\s/\"]*(?=@)"  # noqa: S105 patterns
_PASSWORD_HASH = r"\$argon2\w+\$[^\s\"\\]+"  # noqa: S105 patterns
_DSN_PASSWORD = r"\b(password|passwd|pwd|api_key|token)=[^\s&\"]+"  # noqa: S105 patterns
_SENSITIVE_JSON_VALUE = (
    r'("[\w-]*(?:password|secret|token|authorization|api_key)[\w-]*":)"(?:[^"\\]|\\.)*"'
)


class SecretMask:
    """Masks passwords in URLs, values with sensitive names, and the secrets of the settings."""

    def __init__(self, settings: Settings | None = None) -> None:
        known = [_json_escaped(secret) for secret in _known_secrets(settings)] if settings else []
        literal = "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)"
        self._pattern = re.compile(
            f"{_SENSITIVE_JSON_VALUE}|{_URL_PASSWORD}|{_DSN_PASSWORD}|{_PASSWORD_HASH}|{literal}",
            re.IGNORECASE,
        )
        self._hints = (*_SENSITIVE_WORDS, *map(str.lower, known))

    def __call__(self, text: str) -> str:
        # Most lines contain nothing to mask, and this check must not cost more than the line.
        lowered = text.lower()
        if not any(hint in lowered for hint in self._hints):
            return text
        return self._pattern.sub(_mask_match, text)


def configure_logging(settings: Settings, stream: str = "stdout") -> None:
    """Writes every line, including those of libraries, as JSON to `stdout` or `stderr`."""
    logging.config.dictConfig(_standard_logging(settings, stream))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_name,
            *_SHARED_PROCESSORS,
            JsonLineRenderer(settings),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=lambda *names: _LineWriter(stream, *names),
        cache_logger_on_first_use=False,
    )


def register_access_log(app: Flask, settings: Settings) -> None:
    """Logs one line for every request, unless LOG_LEVEL is warning or higher."""
    if settings.log_level in ("debug", "info"):
        app.before_request(_begin_request)
        app.after_request(_log_request)


def connect_receivers(settings: Settings) -> None:
    """Logs one line for every failover and every recovery."""
    _configured_stores.clear()
    single = bool(settings.database_url) != bool(settings.mongodb_uri)
    _configured_stores.update(() if single else (StoreId.POSTGRESQL, StoreId.MONGODB))
    connection_lost.connect(log_connection_lost)
    connection_restored.connect(log_connection_restored)


def log_connection_lost(_sender: object, store: str, reason: str) -> None:
    """`[POSTGRESQL] failed, falling back to mongodb: connection refused`"""
    _lost_connections.add(store)
    other = next(iter(_configured_stores - {store}), None) if store in _configured_stores else None
    if other is None:
        outcome = "failed"
    elif other in _lost_connections:
        outcome = f"failed, and {other} is down too"
    else:
        outcome = f"failed, falling back to {other}"
    _log.warning(f"[{store.upper()}] {outcome}: {reason}", store=store, reason=reason)


def log_connection_restored(_sender: object, store: str, seconds: float) -> None:
    """`[POSTGRESQL] restored after 12.3 s, up to date`"""
    event = f"[{store.upper()}] connected"
    if store in _lost_connections:
        caught_up = ", up to date" if store in _configured_stores else ""
        event = f"[{store.upper()}] restored after {seconds:.1f} s{caught_up}"
    _lost_connections.discard(store)
    _log.info(event, store=store, seconds=round(seconds, 3))


_configured_stores: set[str] = set()
_lost_connections: set[str] = set()


class JsonLineRenderer:
    """The last processor: renders the line and masks secrets in it."""

    def __init__(self, settings: Settings) -> None:
        self._mask = SecretMask(settings)

    def __call__(self, _logger: object, _method: str, event: EventDict) -> str:
        first = {name: event.pop(name, None) for name in ("time", "level", "event", "logger")}
        return self._mask(
            orjson.dumps({**first, **event}, default=str, option=_JSON_OPTIONS).decode()
        )


_JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
_SHARED_PROCESSORS: list[Processor] = [
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.stdlib.add_log_level,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


class _LineWriter:
    """Writes whole lines, one at a time. Looks up the stream each time, as it may be replaced."""

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


class _LineHandler(logging.Handler):
    """Writes what libraries log to the same stream."""

    def __init__(self, output: str) -> None:
        super().__init__()
        self._output = _LineWriter(output)

    def emit(self, record: logging.LogRecord) -> None:
        self._output.msg(self.format(record))


def _add_name(logger: Any, _method: str, event: EventDict) -> EventDict:
    event["logger"] = logger.name
    return event


def _standard_logging(settings: Settings, stream: str) -> dict[str, Any]:
    # At INFO these log what only their own developers need, and at WARNING the pool repeats all
    # through an outage what one of our lines has already reported.
    quiet = {name: {"level": "WARNING"} for name in ("psycopg", "pymongo", "asyncio", "werkzeug")}
    quiet["psycopg.pool"] = {"level": "ERROR"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": _formatter, "settings": settings}},
        "handlers": {"lines": {"()": _LineHandler, "output": stream, "formatter": "json"}},
        "root": {"level": settings.log_level.upper(), "handlers": ["lines"]},
        "loggers": quiet,
    }


def _formatter(settings: Settings) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            JsonLineRenderer(settings),
        ],
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            *_SHARED_PROCESSORS,
        ],
    )


def _begin_request() -> None:
    g.log_started_at = time.perf_counter()


def _log_request(response: Response) -> Response:
    started_at: float | None = g.pop("log_started_at", None)
    if started_at is not None:
        _log.info("request", **_request_fields(response), ms=_milliseconds_since(started_at))
    return response


def _request_fields(response: Response) -> Mapping[str, Any]:
    server = served_by.current()
    return {
        "method": request.method,
        "path": request.url_rule.rule if request.url_rule else "unknown",
        "status": response.status_code,
        "store": server.store_id if server else None,
        "role": server.role if server else None,
    }


def _milliseconds_since(started_at: float) -> float:
    return round((time.perf_counter() - started_at) * 1000, 2)


def _known_secrets(settings: Settings) -> set[str]:
    values = {str(getattr(settings, it.name) or "") for it in fields(settings) if not it.repr}
    passwords = {urlsplit(value).password or "" for value in values if "://" in value}
    plain = {value for value in values if "://" not in value}
    secrets = plain | passwords | {unquote(password) for password in passwords}
    return {secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}


def _json_escaped(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _mask_match(match: re.Match[str]) -> str:
    name, user, key = match.group(1, 2, 3)
    if name is not None:
        return f'{name}"{MASK}"'
    if user is not None:
        return f"{user}:{MASK}"
    return MASK if key is None else f"{key}={MASK}"
