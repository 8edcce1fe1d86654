"""/api/sync and /api/consistency: conflicts between the two stores and their differences."""

from __future__ import annotations

from itertools import islice
from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    json_response,
    operation,
    page_response,
    parse_cursor,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.sync.schemas import (
    ConflictOut,
    ConflictPage,
    ConflictsQuery,
    RecordReport,
    Repair,
    Report,
    Resolution,
)
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.replication.codec import content
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.container import ReplicationServices
from dinerapp.replication.errors import NotFound
from dinerapp.replication.store_pair import StorePair

services = services_of(ReplicationServices)

MAX_COUNTED = 1000
MAX_LISTED = 100

blp = Blueprint("sync", __name__, url_prefix="/api", description="Conflicts and consistency")


@blp.get("/sync/conflicts")
@blp.allows(Permission.SETTLE_CONFLICTS)
@blp.arguments(ConflictsQuery, location="query")
@blp.response(200, ConflictPage)
def list_conflicts(query: dict[str, Any]) -> Response:
    """Conflicts, newest first"""
    found = services().conflicts.page(query["state"], parse_cursor(query["cursor"]), query["limit"])
    return page_response(found, _view)


@blp.post("/sync/conflicts/<uuid:conflict_id>/resolve")
@blp.allows(Permission.SETTLE_CONFLICTS)
@blp.arguments(Resolution)
@blp.changes(ConflictOut, if_match=False)
def resolve_conflict(resolution: dict[str, Any], conflict_id: UUID) -> Response:
    """Resolve a conflict: keep the winner, or take the other side"""
    op = operation(f"conflicts.resolve {conflict_id}")
    result = services().conflicts.resolve(str(conflict_id), resolution["take"], op)
    return write_response(result, _view(result.record))


@blp.get("/consistency")
@blp.allows(Permission.CHECK_STORES)
@blp.response(200, Report)
def check_all() -> Response:
    """Check whether both databases hold the same records, by kind"""
    return json_response(
        {"items": [_kind_report(kind, pair) for kind, pair in services().pairs.items()]}
    )


@blp.get("/consistency/<kind>/<uuid:record_id>")
@blp.allows(Permission.CHECK_STORES)
@blp.response(200, RecordReport)
def check_record(kind: str, record_id: UUID) -> Response:
    """Compare one record in both databases"""
    pair, key = _pair(kind), str(record_id)
    states = {store.store_id: store.load([key]).get(key) for store in (pair.primary, pair.backup)}
    if not any(states.values()):
        raise NotFound(kind, key)
    versions = {store_id: state and str(state.version) for store_id, state in states.items()}
    one, other = states.values()
    return json_response({"kind": kind, "id": key, "equal": one == other, "versions": versions})


@blp.post("/consistency/<kind>/repair")
@blp.allows(Permission.CHECK_STORES)
@blp.response(200, Repair)
def repair_kind(kind: str) -> Response:
    """Repair records that differ between the databases"""
    result = services().anti_entropy.repair_all(_pair(kind))
    return json_response(
        {
            "kind": kind,
            "differing": result.differing,
            "repaired": result.repaired,
            "refused": dict(result.refused),
        }
    )


def _pair(kind: str) -> StorePair[Any]:
    pair = services().pairs.get(kind)
    if pair is None:
        raise NotFound("kinds", kind)
    return pair


def _kind_report(kind: str, pair: StorePair[Any]) -> dict[str, Any]:
    found = list(islice(services().anti_entropy.differences(pair), MAX_COUNTED))
    return {
        "kind": kind,
        "equal": not found,
        "differing": len(found),
        "records": [difference.record_id for difference in found[:MAX_LISTED]],
    }


def _view(conflict: Conflict) -> dict[str, Any]:
    return content(services().conflicts.without_secrets(conflict)) | {
        "id": conflict.id,
        "revision": conflict.version.revision,
        "created_at": conflict.created_at,
        "updated_at": conflict.updated_at,
    }
