"""/api/health and /api/connections: the state of the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Response

from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import json_response
from blueprints.http.services import services_of
from blueprints.status.schemas import ConnectionList, Health, Pulse
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.replication import deadline
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.health import HealthVerdict, assess
from dinerapp.replication.ports.connections import ConnectionStatus

services = services_of(ReplicationServices)

COUNT_TIMEOUT_SECONDS = 0.25

blp = Blueprint(
    "status",
    __name__,
    url_prefix="/api",
    description="The state of the application",
    uses_stores=False,
)


@blp.get("/health")
@blp.public
@blp.response(200, Health)
@blp.alt_response(503, schema=Health, description="No database answers")
def health() -> Response:
    """The state of both databases, in a word and a sentence"""
    verdict = _health_verdict()
    body = {
        "status": verdict.status,
        "databases": {**verdict.reachable, "timestamp": _format_time(datetime.now(UTC))},
        "message": verdict.message,
    }
    return json_response(body, 200 if verdict.can_serve else 503)


@blp.get("/health/live")
@blp.public
@blp.response(200, Pulse)
def live() -> Response:
    """Liveness: whether the process responds at all"""
    return json_response({"status": "alive"})


@blp.get("/health/ready")
@blp.public
@blp.response(200, Pulse)
@blp.alt_response(503, schema=Pulse, description="No database answers")
def ready() -> Response:
    """Readiness: whether a database can serve requests"""
    if _health_verdict().can_serve:
        return json_response({"status": "ready"})
    return json_response({"status": "not ready"}, 503)


@blp.get("/connections")
@blp.allows(Permission.SEE_CONNECTIONS)
@blp.response(200, ConnectionList)
def connections() -> Response:
    """The named connections of the responding process"""
    return json_response({"items": [_view(one) for one in _status_with_counts()]})


def _health_verdict() -> HealthVerdict:
    return assess(services().connections.status())


def _status_with_counts() -> Sequence[ConnectionStatus]:
    with deadline.within(COUNT_TIMEOUT_SECONDS):
        return services().connections.status_with_counts()


def _view(status: ConnectionStatus) -> dict[str, Any]:
    return {**asdict(status), "since": _format_time(status.since)}


def _format_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
