"""Ours and its peers as running servers, each started the way its users start it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from adapters.embedded.tcp_ports import LOCALHOST, free_port
from bench.dataset import ALONE, EVE, OURS, PEERS
from bench.environment import SECRET, DatabaseServers
from dinerapp.runtime.serving import server_command
from dinerapp.runtime.settings import Settings

ROOT = Path(__file__).parent.parent
PEERS_BIN = ROOT / ".venv-bench" / "bin"
PEERS_HOME = ROOT / "bench"
"""Not where our gunicorn.conf.py is: gunicorn would take it for theirs."""
WORKERS = "2"
THREADS = "4"
"""As many requests at a time as ours works on."""
TEXT_FOR_NUMBER = "a quantity as text"
_START_SECONDS = 60
_UNLIMITED = (
    "ORDER_LIMIT", "LOGIN_LIMIT", "ACCOUNT_LIMIT", "REGISTER_LIMIT", "LOOKUP_LIMIT", "CART_LIMIT",
)  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """One server, and the work that it is measured at.

    `menu` is the path of its menu; `lets_pass` names bad orders that it cannot tell from good ones.
    """

    name: str
    label: str
    works: str
    command: Sequence[str]
    environment: Mapping[str, str]
    health: str
    menu: str = "/api/menu"
    is_ours: bool = False
    lets_pass: frozenset[str] = frozenset()


@dataclass
class RunningContender:
    """A subject that answers."""

    subject: Contender
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    def fetch(
        self, path: str, *, token: str = "", body: Any = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one answer, over a connection of its own."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        line = http.client.HTTPConnection(LOCALHOST, self.port, timeout=10)
        try:
            text = None if body is None else json.dumps(body)
            line.request("GET" if body is None else "POST", path, text, headers)
            answer = line.getresponse()
            return answer.status, _parse(answer.read())
        finally:
            line.close()


def all_contenders(both: DatabaseServers) -> list[Contender]:
    """All of them, ours first."""
    relational = {"DATABASE_URL": both.postgres_url(PEERS)}
    both_of_it = {**relational, "MONGODB_URI": both.mongo_url(PEERS)}
    alone = {"DATABASE_URL": both.postgres_url(ALONE)}
    ours = {"DATABASE_URL": both.postgres_url(OURS), "MONGODB_URI": both.mongo.url}
    documents = {"MONGODB_URI": both.mongo_url(EVE)}
    found = [
        _our_contender("ours", "Dinerapp", "ABD", ours),
        _our_contender("ours-alone", "Dinerapp on PostgreSQL alone", "C", alone),
    ]
    for name, label, start in (
        ("fastapi_asyncpg", "FastAPI, raw asyncpg", _uvicorn),
        ("fastapi_sqlalchemy", "FastAPI, SQLAlchemy async", _uvicorn),
        ("flask_sqlalchemy", "Flask, SQLAlchemy, marshmallow", _gunicorn),
    ):
        found.append(start(name, label, "ABC", relational))
        found.append(start(name, label, "D", both_of_it, suffix="-both"))
    eve = _gunicorn(
        "eve_mongodb",
        "Eve, MongoDB alone",
        "ABC",
        documents,
        menu="/api/menu?max_results=100",
        lets_pass=frozenset({TEXT_FOR_NUMBER}),
    )
    hello = _gunicorn("hello", 'Flask "hello", the floor', "A", {}, threads=_threads_of_ours())
    return [*found, eve, hello, _granian("hello", 'Flask "hello" under granian')]


@contextmanager
def start_contenders(wanted: Sequence[Contender], folder: Path) -> Iterator[list[RunningContender]]:
    """All of them at once; their words go into files in the folder."""
    with ExitStack() as stack:
        started = [stack.enter_context(_process(subject, folder)) for subject in wanted]
        for one in started:
            _await_answer(one, folder)
        yield started


def _our_contender(name: str, label: str, works: str, databases: Mapping[str, str]) -> Contender:
    environment = {
        **databases,
        **dict.fromkeys(_UNLIMITED, "off"),
        "LOG_LEVEL": "error",
        "WEB_CONCURRENCY": WORKERS,
        "ACCESS_TOKEN_SECONDS": "1000000",
    }
    command = server_command(Settings.from_environment().web_server)
    return Contender(name, label, works, command, environment, "/api/health", is_ours=True)


def _gunicorn(
    name: str,
    label: str,
    works: str,
    environment: Mapping[str, str],
    suffix: str = "",
    threads: str = THREADS,
    **more: Any,
) -> Contender:
    command = (
        str(PEERS_BIN / "gunicorn"), f"peers.{name}:app", "--bind", "127.0.0.1:{port}",
        "--workers", WORKERS, "--threads", threads, "--worker-class", "gthread", "--reuse-port",
        "--keep-alive", "65", "--log-level", "error", "--no-control-socket",
    )  # fmt: skip
    return Contender(name + suffix, label, works, command, environment, "/api/menu", **more)


def _uvicorn(
    name: str, label: str, works: str, environment: Mapping[str, str], suffix: str = ""
) -> Contender:
    command = (
        str(PEERS_BIN / "uvicorn"), f"peers.{name}:app", "--port", "{port}",
        "--workers", WORKERS, "--log-level", "error", "--no-access-log",
    )  # fmt: skip
    return Contender(name + suffix, label, works, command, environment, "/api/menu")


def _granian(name: str, label: str) -> Contender:
    command = (
        str(PEERS_BIN / "granian"), f"peers.{name}:app", "--interface", "wsgi",
        "--port", "{port}", "--workers", WORKERS, "--blocking-threads", _threads_of_ours(),
        "--no-ws", "--http", "1", "--log-level", "error",
    )  # fmt: skip
    return Contender(f"{name}-granian", label, "A", command, {}, "/api/menu")


def _threads_of_ours() -> str:
    return str(Settings.web_threads + Settings.web_streams)


@contextmanager
def _process(subject: Contender, folder: Path) -> Iterator[RunningContender]:
    port = free_port()
    ours = {one.name.upper() for one in fields(Settings)}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    own = {"SECRET_KEY": SECRET, "PORT": str(port)}
    with _log_file(subject, folder).open("wb") as log:
        process = subprocess.Popen(
            [part.format(port=port) for part in subject.command],
            cwd=ROOT if subject.is_ours else PEERS_HOME,
            env={**inherited, **own, **subject.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield RunningContender(subject, port, process)
    finally:
        process.terminate()
        process.wait(30)


def _await_answer(one: RunningContender, folder: Path) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and one.process.poll() is None:
        try:
            if one.fetch(one.subject.health)[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    words = _log_file(one.subject, folder).read_text(errors="replace")[-3000:]
    raise RuntimeError(f"{one.subject.name} does not answer:\n{words}")


def _log_file(subject: Contender, folder: Path) -> Path:
    return folder / f"{subject.name}.log"


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
