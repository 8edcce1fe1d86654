"""/api/kitchen"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import json_response, operation, write_response
from blueprints.http.services import services_of
from blueprints.kitchen.schemas import BoardOut, BoardQuery, CookedOrderOut, TicketsIn
from blueprints.kitchen.views import board_view, kitchen_order_view
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices

services = services_of(OrderingServices)

blp = Blueprint("kitchen", __name__, url_prefix="/api/kitchen", description="Kitchen tickets")


@blp.get("/tickets")
@blp.allows(Permission.SEE_KITCHEN)
@blp.arguments(BoardQuery, location="query")
@blp.response(200, BoardOut)
def read_board(query: dict[str, Any]) -> Response:
    """Open tickets, oldest order first"""
    return json_response(board_view(services().kitchen.board(query["station"])))


@blp.post("/orders/<uuid:order_id>/accept")
@blp.allows(Permission.COOK)
@blp.arguments(TicketsIn)
@blp.changes(CookedOrderOut, if_match=False)
def accept_tickets(given: dict[str, Any], order_id: UUID) -> Response:
    """Accept tickets of an order: work on them begins"""
    return _apply_step(order_id, given["tickets"], "accept")


@blp.post("/orders/<uuid:order_id>/bump")
@blp.allows(Permission.COOK)
@blp.arguments(TicketsIn)
@blp.changes(CookedOrderOut, if_match=False)
def bump_tickets(given: dict[str, Any], order_id: UUID) -> Response:
    """Bump tickets of an order: they are done"""
    return _apply_step(order_id, given["tickets"], "bump")


@blp.post("/orders/<uuid:order_id>/recall")
@blp.allows(Permission.COOK)
@blp.arguments(TicketsIn)
@blp.changes(CookedOrderOut, if_match=False)
def recall_tickets(given: dict[str, Any], order_id: UUID) -> Response:
    """Recall tickets of an order that were bumped by mistake"""
    return _apply_step(order_id, given["tickets"], "recall")


def _apply_step(order_id: UUID, tickets: list[UUID], verb: str) -> Response:
    op = operation(f"kitchen.{verb} {order_id}")
    result = services().kitchen.step(str(order_id), [str(one) for one in tickets], verb, op)
    return write_response(result, kitchen_order_view(result.record, result.record.tickets))
