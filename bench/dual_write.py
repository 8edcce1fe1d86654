"""Order creation over HTTP, into both databases against PostgreSQL alone, in turns."""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from adapters.embedded.ports import free_port
from bench.ground import Servers, servers
from dinerapp.domain.identity import Operation
from dinerapp.operating import connected
from dinerapp.settings import Settings

ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 8
ROOT = Path(__file__).parent.parent
ALONE = "orders=postgresql;menu_items=postgresql;conflicts=postgresql"


def run() -> list[tuple[str, str]]:
    """The figures."""
    with servers() as both, _serving(both, "") as dual, _serving(both, ALONE) as single:
        item, alone = _add_item(both, ""), _add_item(both, ALONE)
        rounds = [(_load(dual, item), _load(single, alone)) for _ in range(ROUNDS)]
    rates = [dual.rate / single.rate for dual, single in rounds]
    p50s = [dual.p50 / single.p50 for dual, single in rounds]
    last_dual, last_single = rounds[-1]
    return [
        (
            "orders per second into both / into PostgreSQL alone",
            f"{statistics.median(rates):.2f} ({min(rates):.2f} to {max(rates):.2f}; "
            f"last round {last_dual.rate:.0f} / {last_single.rate:.0f})",
        ),
        (
            "p50 into both / into PostgreSQL alone",
            f"{statistics.median(p50s):.2f} ({min(p50s):.2f} to {max(p50s):.2f}; "
            f"last round {last_dual.p50 * 1000:.1f} / {last_single.p50 * 1000:.1f} ms)",
        ),
    ]


class _Result:
    def __init__(self, durations: list[float], seconds: float) -> None:
        self.rate = len(durations) / seconds
        self.p50 = statistics.median(durations)


@contextmanager
def _serving(both: Servers, placement: str) -> Iterator[int]:
    port = free_port()
    environment = {**os.environ, **_environment(both, placement), "PORT": str(port)}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _await_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _environment(both: Servers, placement: str) -> dict[str, str]:
    return {
        "DATABASE_URL": both.postgres.url,
        "MONGODB_URI": both.mongo.url,
        "SECRET_KEY": "bench " * 4,
        "PLACEMENT": placement,
        "LOG_LEVEL": "error",
        "ORDER_LIMIT": "off",
    }


def _await_ready(port: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            if _ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/api/health")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing serves on port {port}")


def _add_item(both: Servers, placement: str) -> str:
    settings = Settings.from_environment(_environment(both, placement))
    with connected(replace(settings, relay_in_workers=False)) as diner:
        mains = Operation.fresh()
        diner.categories.add(mains, {"slug": mains.record_id, "name": "Pizza"})
        item = {"slug": mains.record_id, "name": "Pizza", "category_id": mains.record_id}
        return diner.menu.add(Operation.fresh(), item | {"price": 950}).record.id


def _load(port: int, item: str) -> _Result:
    durations: list[float] = []
    stop = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=_guest, args=(port, item, stop, durations))
        for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _Result(durations, SECONDS)


def _guest(port: int, item: str, stop: float, durations: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    wanted = [{"item_id": item, "quantity": 1, "notes": str(n)} for n in range(4)]
    order = {
        "customer": {"name": "Ada", "phone": "+49301234567"},
        "fulfilment": {"type": "pickup"},
        "items": wanted,
    }
    while time.monotonic() < stop:
        started = time.perf_counter()
        status, body = _ask(connection, "POST", "/api/orders", order)
        durations.append(time.perf_counter() - started)
        assert status == 201, body


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, response.read()
