"""/api/tills"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    operation,
    page_response,
    parse_cursor,
    public_fields,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.till.schemas import ClosingIn, TillIn, TillOut, TillPage, TillsQuery
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices

services = services_of(OrderingServices)

blp = Blueprint("tills", __name__, url_prefix="/api/tills", description="Tills and their cash")


@blp.post("")
@blp.allows(Permission.RUN_TILLS)
@blp.arguments(TillIn)
@blp.creates(TillOut)
def open_till(given: dict[str, Any]) -> Response:
    """Open a till"""
    result = services().till.open(
        operation("tills.open"), given["name"], given["opening"], caller().actor
    )
    return write_response(
        result, public_fields(result.record), location=f"/api/tills/{result.record.id}"
    )


@blp.get("")
@blp.allows(Permission.RUN_TILLS)
@blp.arguments(TillsQuery, location="query")
@blp.response(200, TillPage)
def list_tills(query: dict[str, Any]) -> Response:
    """Tills, newest first"""
    found = services().till.page(query["open"], parse_cursor(query["cursor"]), query["limit"])
    return page_response(found, public_fields)


@blp.get("/<uuid:till_id>")
@blp.allows(Permission.RUN_TILLS)
@blp.reads(TillOut)
def read_till(till_id: UUID) -> Response:
    """One till, with the cash that should be in it"""
    counted = services().till.get(str(till_id))
    expected = counted.till.expected if counted.till.closed_at else counted.expected
    return record_response(
        counted.till, public_fields(counted.till) | {"expected": expected}, expected
    )


@blp.post("/<uuid:till_id>/close")
@blp.allows(Permission.RUN_TILLS)
@blp.arguments(ClosingIn)
@blp.changes(TillOut, if_match=False)
def close_till(given: dict[str, Any], till_id: UUID) -> Response:
    """Close a till"""
    op = operation(f"tills.close {till_id}")
    result = services().till.close(
        str(till_id), op, given["counted"], given["notes"], caller().actor
    )
    return write_response(result, public_fields(result.record))
