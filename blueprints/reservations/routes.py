"""/api/areas, /api/tables and /api/reservations"""

from __future__ import annotations

from typing import Any

from flask import Response

from blueprints.http.blueprint import Blueprint
from blueprints.http.rate_limits import RateLimit
from blueprints.http.record_routes import RecordRoutes
from blueprints.http.responses import json_response
from blueprints.http.services import services_of
from blueprints.orders.schemas import LookupQuery
from blueprints.reservations import schemas
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.reservations.model import AREAS, RESERVATIONS, TABLES
from dinerapp.reservations.service import ReservationService

services = services_of(ReservationService)

areas = Blueprint("areas", __name__, url_prefix="/api/areas", description="Areas of the restaurant")
RecordRoutes(
    kind=AREAS,
    noun="area",
    use_cases=lambda: services().areas,
    sees=Permission.SEE_RESERVATIONS,
    changes=Permission.PLAN_TABLES,
    given=schemas.AreaIn,
).add_to(areas)

tables = Blueprint("tables", __name__, url_prefix="/api/tables", description="Dining tables")
RecordRoutes(
    kind=TABLES,
    noun="table",
    use_cases=lambda: services().tables,
    sees=Permission.SEE_RESERVATIONS,
    changes=Permission.PLAN_TABLES,
    given=schemas.TableIn,
).add_to(tables)

blp = Blueprint(
    "reservations", __name__, url_prefix="/api/reservations", description="Reservations"
)


@blp.get("/free")
@blp.public
@blp.arguments(schemas.FreeQuery, location="query")
@blp.response(200, schemas.FreeTimes)
def list_free_times(query: dict[str, Any]) -> Response:
    """The times of a day that are free for a party"""
    free = services().free(query["date"], query["party"])
    return json_response({"items": [{"starts_at": at, "tables": free[at]} for at in free]})


reservations = RecordRoutes(
    kind=RESERVATIONS,
    noun="reservation",
    use_cases=services,
    sees=Permission.SEE_RESERVATIONS,
    changes=Permission.CHANGE_RESERVATIONS,
    given=schemas.ReservationIn,
    changed=schemas.ReservationChanges,
    query=schemas.DayQuery,
    hide=("moves", "erased_at"),
    order="earliest first; customers see their own",
    tokens=lambda: services().tokens,
    is_removable=False,
)
reservations.add_to(blp)


@blp.get("/lookup")
@blp.public
@blp.rate_limit(RateLimit.LOOKUP, RateLimit.PHONE)
@blp.arguments(LookupQuery, location="query")
@blp.response(200, reservations.created)
@blp.fails_with(404)
def look_up_reservation(query: dict[str, Any]) -> Response:
    """Find a guest's reservation by telephone number and code"""
    return json_response(reservations.with_token(services().look_up(**query)))
