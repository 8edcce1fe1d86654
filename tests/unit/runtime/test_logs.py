"""Log lines: JSON, without secrets, one for each failover."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from dinerapp.replication.signals import announce, connection_lost, connection_restored
from dinerapp.runtime import logs
from dinerapp.runtime.logs import configure_logging, connect_receivers
from dinerapp.runtime.settings import Settings

PASSWORD = 'p@ss:w"rd-é'
SETTINGS = Settings(
    database_url="postgresql://diner:sesame-open@db/diner",
    mongodb_uri="mongodb://diner:h%40rd-to-guess@mongo/diner",
    secret_key="signing-key",
)


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(SETTINGS)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def failovers() -> Iterator[None]:
    """Receivers that start with every connection up."""
    connect_receivers(SETTINGS)
    logs._lost_connections.clear()
    yield
    logs._lost_connections.clear()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_time_level_event_and_logger(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structlog.get_logger("diner.kitchen").info("ticket_printed", lines=3)
    [line] = lines(capsys)
    assert list(line)[:4] == ["time", "level", "event", "logger"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"], line["logger"]) == (
        "info", "ticket_printed", "diner.kitchen",
    )  # fmt: skip
    assert line["lines"] == 3


def test_lines_of_a_request_carry_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("a").info("ours")
    logging.getLogger("library").warning("theirs")
    assert [line["request_id"] for line in lines(capsys)] == ["r-1", "r-1"]


def test_libraries_write_the_same_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("library").warning("%s is old", "this")
    [line] = lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == ("this is old", "library", "warning")


def test_an_exception_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    [line] = lines(capsys)
    assert "ValueError: one\ntwo" in line["exception"]


@pytest.mark.parametrize(
    ("event", "fields", "secret"),
    [
        ("connect to postgresql://u:hunter2@host/db", {}, "hunter2"),
        ("connect to mongodb://u:p@ss@host/db", {}, "p@ss"),
        ("dsn is host=db password=hunter2 dbname=x", {}, "hunter2"),
        ("login", {"password": 'hun"ter2'}, "ter2"),
        ("login", {"nested": {"refresh_token": "hunter2"}}, "hunter2"),
        ("said sesame-open", {}, "sesame-open"),
        ("signed", {"with": "signing-key"}, "signing-key"),
        ("auth failed for h@rd-to-guess", {}, "h@rd-to-guess"),
        ("auth failed for h%40rd-to-guess", {}, "h%40rd-to-guess"),
    ],
)
def test_secrets_are_masked(
    capsys: pytest.CaptureFixture[str], event: str, fields: dict[str, Any], secret: str
) -> None:
    structlog.get_logger("a").warning(event, **fields)
    try:
        raise RuntimeError(event)
    except RuntimeError:
        logging.getLogger("library").exception("as they say")
    written = capsys.readouterr().out
    assert len(written.splitlines()) == 2
    assert all(json.loads(line) for line in written.splitlines())
    if not fields:
        assert secret not in written
    assert secret not in written.splitlines()[0]


def test_a_failover_and_a_recovery_are_one_line_each(
    capsys: pytest.CaptureFixture[str], failovers: None
) -> None:
    announce(connection_lost, None, store="postgresql", reason="refused")
    announce(connection_restored, None, store="postgresql", seconds=12.34)
    lost, restored = lines(capsys)
    assert lost["event"] == "[POSTGRESQL] failed, falling back to mongodb: refused"
    assert (lost["level"], lost["store"], lost["reason"]) == ("warning", "postgresql", "refused")
    assert restored["event"] == "[POSTGRESQL] restored after 12.3 s, up to date"
    assert restored["level"] == "info"


def test_nobody_is_told_of_a_fallback_that_is_down_too(
    capsys: pytest.CaptureFixture[str], failovers: None
) -> None:
    announce(connection_lost, None, store="postgresql", reason="refused")
    announce(connection_lost, None, store="mongodb", reason="refused")
    assert lines(capsys)[1]["event"] == "[MONGODB] failed, and postgresql is down too: refused"


def test_a_connection_without_records_has_no_fallback(
    capsys: pytest.CaptureFixture[str], failovers: None
) -> None:
    announce(connection_lost, None, store="redis", reason="refused")
    announce(connection_restored, None, store="redis", seconds=1)
    assert [line["event"] for line in lines(capsys)] == [
        "[REDIS] failed: refused",
        "[REDIS] restored after 1.0 s",
    ]


def test_a_single_database_has_no_fallback(capsys: pytest.CaptureFixture[str]) -> None:
    connect_receivers(Settings(database_url="postgresql://db/diner"))
    logs._lost_connections.clear()
    announce(connection_lost, None, store="postgresql", reason="refused")
    assert lines(capsys)[0]["event"] == "[POSTGRESQL] failed: refused"
    logs._lost_connections.clear()


def test_the_first_connection_is_no_recovery(
    capsys: pytest.CaptureFixture[str], failovers: None
) -> None:
    announce(connection_restored, None, store="mongodb", seconds=0.2)
    assert lines(capsys)[0]["event"] == "[MONGODB] connected"
