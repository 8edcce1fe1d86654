"""Health, connections and metrics as operators and load balancers see them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.http.services import EXTENSION
from dinerapp.accounts.domain.permissions import Role
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.ports.connections import Connections, ConnectionState, ConnectionStatus
from dinerapp.replication.ports.database import PoolUsage
from dinerapp.runtime import metrics
from dinerapp.runtime.app import create_app
from dinerapp.runtime.container import Services
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores, running
from tests.blueprints.api_helpers import FAST_SETTINGS, client_as

UP, DOWN, CATCHING_UP = ConnectionState.UP, ConnectionState.DOWN, ConnectionState.CATCHING_UP
SINCE = datetime(2036, 5, 1, 12, 0, 0, 123000, tzinfo=UTC)
Ask = Callable[..., FlaskClient]


@dataclass
class FakeConnections(Connections):
    """Says what the test wants; `asked` tells whether databases had to be asked for it."""

    known: Sequence[ConnectionStatus]
    asked: bool = False

    def status(self) -> Sequence[ConnectionStatus]:
        return self.known

    def status_with_counts(self) -> Sequence[ConnectionStatus]:
        self.asked = True
        return [replace(one, owed=2, parked=1, follow_ups=4) for one in self.known]


def connection(name: str, state: ConnectionState) -> ConnectionStatus:
    return ConnectionStatus(
        name=name,
        engine="mongodb" if name == "analytics" else name,
        role="primary of orders",
        state=state,
        since=SINCE,
        latency_ms=0.5,
        pool=PoolUsage(10, 2, 1),
    )


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(metrics, "_sampled_at", 0.0)
    with running(create_app(Settings(**FAST_SETTINGS), stores=memory_stores())) as app:
        yield app


@pytest.fixture
def ask(app: Flask) -> Ask:
    """A manager's client of an application whose connections are in these states."""

    def given(**states: ConnectionState) -> FlaskClient:
        known = [connection(name, state) for name, state in states.items()]
        services: Services = app.extensions[EXTENSION]
        replication = replace(services.of(ReplicationServices), connections=FakeConnections(known))
        app.extensions[EXTENSION] = Services(
            {**services.by_container, ReplicationServices: replication}
        )
        return client_as(app, Role.MANAGER)

    return given


def test_health_has_the_shape_that_clients_rely_on(ask: Ask) -> None:
    answer = ask(postgresql=UP, mongodb=UP).get("/api/health")
    assert answer.status_code == 200
    body = answer.json
    timestamp = body["databases"].pop("timestamp")
    assert body == {
        "status": "healthy",
        "databases": {"mongodb": True, "postgresql": True},
        "message": "All databases operational",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("postgresql", "mongodb", "code", "status", "there", "words"),
    [
        (UP, DOWN, 200, "degraded", (True, False), "MongoDB is down; PostgreSQL serves"),
        (DOWN, UP, 200, "degraded", (False, True), "PostgreSQL is down; MongoDB serves"),
        (UP, CATCHING_UP, 200, "degraded", (True, True), "MongoDB is back and is catching up"),
        (
            DOWN,
            CATCHING_UP,
            200,
            "degraded",
            (False, True),
            "MongoDB serves requests but may lack writes that it missed",
        ),
        (DOWN, DOWN, 503, "unhealthy", (False, False), "MongoDB is down; PostgreSQL is down"),
    ],
)
def test_health_says_plainly_what_is_wrong(
    ask: Ask,
    postgresql: ConnectionState,
    mongodb: ConnectionState,
    code: int,
    status: str,
    there: tuple[bool, bool],
    words: str,
) -> None:
    answer = ask(postgresql=postgresql, mongodb=mongodb).get("/api/health")
    assert (answer.status_code, answer.json["status"]) == (code, status)
    databases = answer.json["databases"]
    assert (databases["postgresql"], databases["mongodb"]) == there
    assert words in answer.json["message"]


def test_a_database_that_nobody_configured_is_no_degradation(ask: Ask) -> None:
    answer = ask(postgresql=UP).get("/api/health")
    assert (answer.status_code, answer.json["status"]) == (200, "healthy")
    assert answer.json["databases"]["mongodb"] is False
    assert answer.json["message"] == "PostgreSQL is operational; MongoDB is not configured"


def test_a_lost_single_database_is_unhealthy(ask: Ask) -> None:
    answer = ask(postgresql=DOWN).get("/api/health")
    assert (answer.status_code, answer.json["status"]) == (503, "unhealthy")


def test_a_connection_without_records_changes_the_words_only(ask: Ask) -> None:
    answer = ask(postgresql=UP, mongodb=UP, analytics=DOWN).get("/api/health")
    assert (answer.status_code, answer.json["status"]) == (200, "healthy")
    assert "Also down: analytics" in answer.json["message"]


@pytest.mark.parametrize("path", ["/api/health", "/api/health/ready", "/api/health/live"])
def test_health_asks_no_database(ask: Ask, path: str) -> None:
    client = ask(postgresql=UP, mongodb=DOWN)
    client.get(path)
    services: Services = client.application.extensions[EXTENSION]
    connections = services.of(ReplicationServices).connections
    assert isinstance(connections, FakeConnections)
    assert not connections.asked


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ({"postgresql": DOWN, "mongodb": UP}, 200),
        ({"postgresql": DOWN, "mongodb": CATCHING_UP}, 200),
        ({"postgresql": DOWN, "mongodb": DOWN}, 503),
    ],
)
def test_ready_means_that_a_store_can_serve_and_live_that_the_process_runs(
    ask: Ask, states: dict[str, ConnectionState], ready: int
) -> None:
    client = ask(**states)
    assert client.get("/api/health/ready").status_code == ready
    assert client.get("/api/health/live").status_code == 200


def test_connections_are_listed_with_their_state_and_debts(ask: Ask) -> None:
    client = ask(postgresql=UP, mongodb=DOWN, analytics=UP)
    items = client.get("/api/connections").json["items"]
    assert [item["name"] for item in items] == ["postgresql", "mongodb", "analytics"]
    assert items[1] == {
        "name": "mongodb",
        "engine": "mongodb",
        "role": "primary of orders",
        "state": "down",
        "since": "2036-05-01T12:00:00.123Z",
        "latency_ms": 0.5,
        "reason": "",
        "pool": {"size": 10, "open": 2, "busy": 1},
        "owed": 2,
        "parked": 1,
        "follow_ups": 4,
        "parked_follow_ups": None,
    }


def test_metrics_tell_of_requests_by_their_template(ask: Ask) -> None:
    client = ask(postgresql=UP, mongodb=UP)
    client.get("/api/health/live")
    client.get("/nowhere/4711")
    client.open("/nowhere", method="BREW")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    assert 'diner_requests_total{method="GET",route="/api/health/live",status="200"}' in answer.text
    assert 'diner_requests_total{method="GET",route="unknown",status="404"}' in answer.text
    assert 'diner_requests_total{method="other",' in answer.text
    assert "/nowhere" not in answer.text
    assert 'diner_owed_records{store="mongodb"} 2.0' in answer.text
    assert 'diner_pool_connections{connection="postgresql",what="busy"} 1.0' in answer.text


def test_the_documentation_describes_the_routes(ask: Ask) -> None:
    paths = ask(postgresql=UP).get("/openapi.json").json["paths"]
    assert {"/api/health", "/api/health/live", "/api/health/ready", "/api/connections"} <= set(
        paths
    )
    assert "503" in paths["/api/health"]["get"]["responses"]
