"""`python -m dinerapp up`: starts databases if none are configured, and the web server, and stops
both in order."""

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
    """The web server could not be started, or exited unexpectedly."""


def serve(settings: Settings, data: Path, echo: Echo, *, week: bool = False) -> None:
    """Serves until Ctrl-C or SIGTERM; the web server stops first, then the databases.

    With `week`, adds a week of demo orders first, unless they were added before.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    require_free_port(settings)
    with ExitStack() as stack:
        try:
            settings = _start_databases(settings, data, echo, stack)
            settings = with_secret_key(settings, data)
            result = bootstrap(settings)
            added = f", {result.dishes} demo dishes added" if result.dishes else ""
            echo(f"Databases are up to date{added}")
            if week:
                echo(f"{_seed_week(settings)} demo orders added")
            # Shown now, because the password would be lost if the web server did not start.
            echo("\n".join(_admin_login_text(_address(settings), result)))
            process = stack.enter_context(_web_server(settings))
            echo(_welcome(_address(settings)))
            raise CannotServe(f"the web server exited unexpectedly with code {process.wait()}")
        except KeyboardInterrupt:
            echo("\nStopping: finishing requests, then stopping the databases")
    echo("Stopped")


def require_free_port(settings: Settings) -> None:
    """Checked before anything is started: web servers would silently share a port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as exc:
            reason = "is in use by another program" if exc.errno == errno.EADDRINUSE else str(exc)
            raise CannotServe(
                f"port {settings.port} on {settings.host} {reason}; "
                f"stop that program, or set PORT to another port, e.g. PORT={settings.port + 1}"
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
        echo(f"{exc}\nContinuing with PostgreSQL only")
        return settings
    return replace(settings, mongodb_uri=mongo.url)


def _start_database(server: EmbeddedServer, data: Path, echo: Echo, stack: ExitStack) -> None:
    stack.callback(server.stop)
    started_at = time.monotonic()
    server.start()
    elapsed = time.monotonic() - started_at
    echo(f"{server.engine} is running, with its data in {data} ({elapsed:.1f} s)")


def _seed_week(settings: Settings) -> int:
    with open_application(with_long_deadlines(settings)) as diner:
        return seed_week(diner).orders


def server_command(web_server: str, app: str = processes.APP) -> Sequence[str]:
    """The command line that starts the web server of that name, in whatever directory."""
    arguments = {
        "granian": ("dinerapp.runtime.granian_server",),
        "gunicorn": ("gunicorn", "-c", "python:dinerapp.runtime.gunicorn_config"),
    }
    return [sys.executable, "-m", *arguments[web_server], app]


@contextmanager
def _web_server(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Runs it in its own process group, so that Ctrl-C reaches only this process. If this one is
    killed, so is the web server: the next one needs its port."""
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
    variables = {
        "DATABASE_URL": settings.database_url,
        "MONGODB_URI": settings.mongodb_uri,
        "SECRET_KEY": settings.secret_key,
    }
    return {name: value for name, value in variables.items() if value}


def _await_ready(process: subprocess.Popen[bytes], address: str) -> None:
    give_up = time.monotonic() + START_SECONDS
    while not _is_ready(address):
        if process.poll() is not None:
            raise CannotServe("the web server did not start; see its messages above")
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
    with urlopen(url, timeout=2) as response:  # noqa: S310 our own address
        return json.load(response)


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
        return [
            "",
            "No admin was created: a database that may already have one cannot be reached.",
        ]
    if result.admin is None:
        return []
    user, password = result.admin
    body = json.dumps({"email": user.email, "password": password})
    login = (
        f"curl -s {address}/api/auth/login",
        "-H 'Content-Type: application/json'",
        f"-d {quote(body)}",
    )
    heading = "Log in as the first admin (the password is shown only once):"
    return ["", heading, "", " \\\n  ".join(login)]


def _example_order(address: str) -> str | None:
    """A curl command for the first dish on the menu that is available."""
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
