"""`python -m dinerapp up`: databases if there are none, the web server, and their orderly end."""

from __future__ import annotations

import errno
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from adapters.embedded import EmbeddedMongo, EmbeddedPostgres
from adapters.embedded.errors import EmbeddedServerUnavailable
from adapters.embedded.server import EmbeddedServer
from dinerapp.replication.errors import DinerError
from dinerapp.runtime import processes
from dinerapp.runtime.administration import BootstrapResult, bootstrap, open_application
from dinerapp.runtime.secret import with_secret_key
from dinerapp.runtime.seeding import seed_week, with_long_deadlines
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.watchdog import killed_with_us

START_SECONDS = 30.0
STOP_SECONDS = 25.0
WILDCARD_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104

Echo = Callable[[str], None]


class CannotServe(DinerError):
    """The web server could not be started, or ended by itself."""


def serve(settings: Settings, data: Path, echo: Echo, *, week: bool = False) -> None:
    """Serves until Ctrl-C or SIGTERM; the web server ends first, then the databases.

    With a `week` of demo orders, if there is none yet.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_free_port(settings)
    with ExitStack() as stack:
        try:
            settings = _start_databases(settings, data, echo, stack)
            settings = with_secret_key(settings, data)
            brought = bootstrap(settings)
            added = f", {brought.dishes} demo dishes added" if brought.dishes else ""
            echo(f"Databases are up to date{added}")
            if week:
                echo(f"{_seed_week(settings)} demo orders added")
            # At once: should the web server not start, it would never be seen again.
            echo("\n".join(_admin_login_text(_address(settings), brought)))
            process = stack.enter_context(_web_server(settings))
            echo(_welcome(_address(settings)))
            raise CannotServe(f"the web server ended by itself with code {process.wait()}")
        except KeyboardInterrupt:
            echo("\nStopping: requests are finished first, then the databases")
    echo("Stopped")


def require_free_port(settings: Settings) -> None:
    """Before anything is started: web servers share a port with their like and say nothing."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as exc:
            reason = "is in use by another program" if exc.errno == errno.EADDRINUSE else str(exc)
            raise CannotServe(
                f"port {settings.port} on {settings.host} {reason}; "
                f"end that program, or set PORT to another one, e.g. PORT={settings.port + 1}"
            ) from exc


def _start_databases(settings: Settings, data: Path, echo: Echo, stack: ExitStack) -> Settings:
    if settings.database_url or settings.mongodb_uri:
        return settings
    postgres, mongo = EmbeddedPostgres(data / "postgres"), EmbeddedMongo(data / "mongo")
    _start_database(postgres, data, echo, stack)
    settings = replace(settings, database_url=postgres.url)
    try:
        _start_database(mongo, data, echo, stack)
    except EmbeddedServerUnavailable as exc:
        echo(f"{exc}\nGoing on with PostgreSQL alone")
        return settings
    return replace(settings, mongodb_uri=mongo.url)


def _start_database(server: EmbeddedServer, data: Path, echo: Echo, stack: ExitStack) -> None:
    stack.callback(server.stop)
    began = time.monotonic()
    server.start()
    echo(f"{server.engine} runs, its data is in {data} ({time.monotonic() - began:.1f} s)")


def _seed_week(settings: Settings) -> int:
    with open_application(with_long_deadlines(settings)) as diner:
        return seed_week(diner).orders


def server_command(web_server: str, app: str = processes.APP) -> Sequence[str]:
    """What starts the web server of that name, in whatever directory."""
    how = {
        "granian": ("dinerapp.runtime.granian_server",),
        "gunicorn": ("gunicorn", "-c", "python:dinerapp.runtime.gunicorn_config"),
    }
    return [sys.executable, "-m", *how[web_server], app]


@contextmanager
def _web_server(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """In a process group of its own, so that Ctrl-C reaches it through us only. If we are killed,
    so is it: the next web server needs its port."""
    process = subprocess.Popen(  # noqa: S603 our own command
        server_command(settings.web_server),
        env={**os.environ, **_environment(settings)},
        process_group=0,
    )
    with killed_with_us(process.pid):
        try:
            _await_ready(process, _address(settings))
            yield process
        finally:
            _stop_web_server(process)


def _environment(settings: Settings) -> Mapping[str, str]:
    found = {
        "DATABASE_URL": settings.database_url,
        "MONGODB_URI": settings.mongodb_uri,
        "SECRET_KEY": settings.secret_key,
    }
    return {name: value for name, value in found.items() if value}


def _await_ready(process: subprocess.Popen[bytes], address: str) -> None:
    give_up = time.monotonic() + START_SECONDS
    while not _is_ready(address):
        if process.poll() is not None:
            raise CannotServe("the web server did not start; its lines above say why")
        if time.monotonic() > give_up:
            raise CannotServe(f"the web server was not ready within {START_SECONDS:.0f} s")
        time.sleep(0.05)


def _stop_web_server(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_ready(address: str) -> bool:
    try:
        return _get_json(f"{address}/api/health/ready") is not None
    except (OSError, HTTPException):
        return False


def _get_json(url: str) -> Any:
    with urlopen(url, timeout=2) as answer:  # noqa: S310 our own address
        return json.load(answer)


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{WILDCARD_HOSTS.get(settings.host, host)}:{settings.port}"


def _welcome(address: str) -> str:
    lines = ["", f"Dinerapp   {address}/api/menu", f"API docs   {address}/docs"]
    lines += [f"Health     {address}/api/health", f"Metrics    {address}/metrics"]
    order = _example_order(address)
    if order is not None:
        lines += ["", "Place an order:", "", order]
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])


def _admin_login_text(address: str, result: BootstrapResult) -> Sequence[str]:
    if result.admin_unknown:
        return ["", "No admin was looked for: a database cannot be asked, and may hold one."]
    if result.admin is None:
        return []
    user, password = result.admin
    body = json.dumps({"email": user.email, "password": password})
    login = (
        f"curl -s {address}/api/auth/login",
        "-H 'Content-Type: application/json'",
        f"-d {quote(body)}",
    )
    words = "The first admin logs in with a password that is shown this once:"
    return ["", words, "", " \\\n  ".join(login)]


def _example_order(address: str) -> str | None:
    """A curl line for the first dish of the menu that can be had."""
    try:
        menu = _get_json(f"{address}/api/menu")
    except HTTPError:
        return None
    dishes = [dish for category in menu["categories"] for dish in category["items"]]
    dish = next((dish for dish in dishes if dish["available"] and dish["stock"] != 0), None)
    if dish is None:
        return None
    body = {
        "customer": {"name": "Ada", "phone": "+49 170 1234567"},
        "fulfilment": {"type": "pickup"},
        "items": [{"item_id": dish["id"], "quantity": 2, "options": _required_options(dish)}],
    }
    parts = (
        f"curl -s {address}/api/orders",
        "-H 'Content-Type: application/json'",
        f"-H 'Idempotency-Key: {secrets.token_hex(4)}'",
        f"-d {quote(json.dumps(body))}",
    )
    return " \\\n  ".join(parts)


def _required_options(dish: Mapping[str, Any]) -> list[str]:
    return [
        option["id"]
        for group in dish["option_groups"]
        for option in group["options"][: group["min"]]
    ]
