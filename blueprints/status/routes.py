"""/api/health and /api/connections: how the application is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Response

from blueprints.http.answers import answer
from blueprints.http.blueprint import Blueprint
from blueprints.http.services import services_of
from blueprints.status.health import Verdict, judged
from blueprints.status.schemas import ConnectionList, Health, Pulse
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.replication import deadline
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.ports.connections import ConnectionStatus

services = services_of(ReplicationServices)

ASKING_SECONDS = 0.25

blp = Blueprint(
    "status",
    __name__,
    url_prefix="/api",
    description="How the application is",
    asks_stores=False,
)


@blp.get("/health")
@blp.public
@blp.response(200, Health)
@blp.alt_response(503, schema=Health, description="No database answers")
def health() -> Response:
    """Both databases, in one word and one sentence"""
    verdict = _verdict()
    body = {
        "status": verdict.status,
        "databases": {**verdict.reachable, "timestamp": _written(datetime.now(UTC))},
        "message": verdict.message,
    }
    return answer(body, 200 if verdict.can_serve else 503)


@blp.get("/health/live")
@blp.public
@blp.response(200, Pulse)
def live() -> Response:
    """Whether the process answers at all"""
    return answer({"status": "alive"})


@blp.get("/health/ready")
@blp.public
@blp.response(200, Pulse)
@blp.alt_response(503, schema=Pulse, description="No database answers")
def ready() -> Response:
    """Whether a database is there to serve requests"""
    if _verdict().can_serve:
        return answer({"status": "ready"})
    return answer({"status": "not ready"}, 503)


@blp.get("/connections")
@blp.allows(Permission.SEE_CONNECTIONS)
@blp.response(200, ConnectionList)
def connections() -> Response:
    """Every named connection of the process that answers"""
    return answer({"items": [_view(one) for one in _counted()]})


def _verdict() -> Verdict:
    return judged(services().connections.status())


def _counted() -> Sequence[ConnectionStatus]:
    with deadline.within(ASKING_SECONDS):
        return services().connections.counted_status()


def _view(one: ConnectionStatus) -> dict[str, Any]:
    return {**asdict(one), "since": _written(one.since)}


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
