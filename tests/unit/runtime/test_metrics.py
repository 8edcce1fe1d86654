"""Metrics as Prometheus reads them, from one process and from several."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from prometheus_client import multiprocess
from prometheus_client.parser import text_string_to_metric_families

from dinerapp.replication.ports.connections import ConnectionState, ConnectionStatus
from dinerapp.replication.ports.database import PoolUsage
from dinerapp.replication.ports.observer import CallOutcome
from dinerapp.replication.version import StoreId
from dinerapp.runtime import metrics
from dinerapp.runtime.metrics import MetricsObserver, ThrottledCounter

ROOT = Path(__file__).parents[3]

WORKER = """
import os, sys
from dinerapp.replication.version import StoreId
from dinerapp.runtime.metrics import MetricsObserver
from dinerapp.replication.ports.observer import CallOutcome
observer = MetricsObserver()
observer.call_finished(StoreId.MONGODB, "primary", "orders.get", CallOutcome.OK, 0.01)
observer.state_changed("mongodb", "up")
print(os.getpid())
"""
SCRAPE = "from dinerapp.runtime import metrics; print(metrics.render([]).decode())"


def value(page: bytes | str, name: str, **labels: str) -> float:
    """One sample; 0 where there is none."""
    text = page if isinstance(page, str) else page.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return 0.0


def now(name: str, **labels: str) -> float:
    return value(metrics.render([]), name, **labels)


def connection(name: str, **fields: object) -> ConnectionStatus:
    given = {
        "engine": name,
        "role": "backup",
        "state": ConnectionState.UP,
        "since": datetime.now(UTC),
    }
    return ConnectionStatus(name=name, **{**given, **fields})  # type: ignore[arg-type]


def test_store_calls_are_counted_and_timed() -> None:
    labels = {"store": "postgresql", "role": "backup", "operation": "orders.save"}
    before = now("diner_store_calls_total", outcome="unknown", **labels)
    MetricsObserver().call_finished(
        StoreId.POSTGRESQL, "backup", "orders.save", CallOutcome.UNKNOWN, 0.2
    )
    assert now("diner_store_calls_total", outcome="unknown", **labels) == before + 1
    assert now("diner_store_call_seconds_sum", store="postgresql", operation="orders.save") >= 0.2


def test_a_connection_is_in_one_state_and_its_losses_are_counted() -> None:
    observer = MetricsObserver()
    before = now("diner_failovers_total", connection="alpha")
    for state in ("up", "down", "catching_up"):
        observer.state_changed("alpha", state)
    states = {
        s: now("diner_connection_state", connection="alpha", state=s) for s in ConnectionState
    }
    assert states == {"up": 0, "down": 0, "catching_up": 1}
    assert now("diner_failovers_total", connection="alpha") == before + 1


def test_the_relay_fallbacks_and_conflicts_are_counted() -> None:
    observer = MetricsObserver()
    observer.shipped("carts", StoreId.MONGODB, 7, 2)
    observer.fell_back("carts.get", StoreId.MONGODB)
    observer.conflict_filed("carts", "source_priority")
    assert now("diner_relay_batches_total", kind="carts", to="mongodb") == 1
    assert now("diner_relay_records_total", kind="carts", to="mongodb") == 7
    assert now("diner_relay_refused_total", kind="carts", to="mongodb") == 2
    assert (
        now("diner_fallbacks_total", operation="carts.get", store="mongodb", known_as="CARTS_GET")
        == 1
    )
    assert now("diner_conflicts_total", kind="carts") == 1


def test_fallbacks_of_rooms_have_the_names_that_readers_of_logs_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line at once, and after that one a minute with how many there were."""
    structlog.reset_defaults()
    name = "ROOM_MESSAGES_GET_DM"
    moment, observer = [0.0], MetricsObserver()
    monkeypatch.setattr(observer, "_fallbacks", ThrottledCounter(60.0, lambda: moment[0]))
    before = now("diner_fallbacks_total", known_as=name, store="postgresql")
    with structlog.testing.capture_logs() as lines:
        for second in (0.0, 1.0, 2.0, 60.0):
            moment[0] = second
            observer.fell_back("direct_messages.page", StoreId.POSTGRESQL)
    assert now("diner_fallbacks_total", known_as=name, store="postgresql") == before + 4
    assert [line["event"] for line in lines] == [f"[{name}] fell back to postgresql"] * 2
    assert [line["count"] for line in lines] == [1, 3]


def test_what_is_owed_is_what_the_store_that_knows_says() -> None:
    page = metrics.render([connection("postgresql", owed=3, parked=1), connection("mongodb")])
    assert value(page, "diner_owed_records", store="postgresql") == 3
    assert value(page, "diner_parked_records", store="postgresql") == 1
    assert math.isnan(value(page, "diner_owed_records", store="mongodb"))


def test_connections_without_records_are_owed_nothing() -> None:
    page = metrics.render([connection("redis", pool=PoolUsage(10, 2, 1))]).decode()
    assert 'store="redis"' not in page


@pytest.fixture
def shared(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}


def run(code: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_any_worker_tells_of_all_workers(shared: dict[str, str]) -> None:
    first, second = (int(run(WORKER, shared)) for _ in range(2))
    page = run(SCRAPE, shared)
    assert value(page, "diner_store_calls_total", store="mongodb", outcome="ok") == 2
    assert value(page, "diner_connection_state", connection="mongodb", state="up") == 2
    directory = shared["PROMETHEUS_MULTIPROC_DIR"]
    multiprocess.mark_process_dead(first, directory)  # type: ignore[no-untyped-call]
    page = run(SCRAPE, shared)
    assert value(page, "diner_store_calls_total", store="mongodb", outcome="ok") == 2
    assert value(page, "diner_connection_state", connection="mongodb", state="up") == 1
    assert second != first
