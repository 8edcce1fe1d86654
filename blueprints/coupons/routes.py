"""/api/coupons"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.coupons.schemas import CouponChanges, CouponIn, CouponOut, CouponPage
from blueprints.http.blueprint import Blueprint
from blueprints.http.record_schemas import record_view
from blueprints.http.responses import (
    PageQuery,
    if_match,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.replication.saving import WriteResult

services = services_of(OrderingServices)

blp = Blueprint("coupons", __name__, url_prefix="/api/coupons", description="Discount coupons")


@blp.post("")
@blp.allows(Permission.MANAGE_COUPONS)
@blp.arguments(CouponIn)
@blp.creates(CouponOut)
def add_coupon(given: dict[str, Any]) -> Response:
    """Create a coupon"""
    done = services().coupons.add(operation("coupons.add"), given)
    return _coupon_response(done, location=f"/api/coupons/{done.record.id}")


@blp.get("")
@blp.allows(Permission.MANAGE_COUPONS)
@blp.arguments(PageQuery, location="query")
@blp.response(200, CouponPage)
def list_coupons(query: dict[str, Any]) -> Response:
    """Coupons, newest first"""
    found = services().coupons.page(parse_cursor(query["cursor"]), query["limit"])
    uses = _uses(*found.items)
    return page_response(found, lambda coupon: _view(coupon, uses[coupon.id]))


@blp.get("/<uuid:coupon_id>")
@blp.allows(Permission.MANAGE_COUPONS)
@blp.reads(CouponOut)
def read_coupon(coupon_id: UUID) -> Response:
    """One coupon"""
    coupon = services().coupons.get(str(coupon_id))
    uses = _uses(coupon)[coupon.id]
    return record_response(coupon, _view(coupon, uses), uses)


@blp.patch("/<uuid:coupon_id>")
@blp.allows(Permission.MANAGE_COUPONS)
@blp.arguments(CouponChanges)
@blp.changes(CouponOut)
def change_coupon(given: dict[str, Any], coupon_id: UUID) -> Response:
    """Change a coupon; orders that have used it keep their discount"""
    op = operation(f"coupons.change {coupon_id}")
    return _coupon_response(services().coupons.change(str(coupon_id), op, given, if_match()))


def _coupon_response(result: WriteResult[Coupon], location: str | None = None) -> Response:
    uses = _uses(result.record)[result.record.id]
    return write_response(result, _view(result.record, uses), location, uses)


def _uses(*coupons: Coupon) -> dict[str, int]:
    return {used.coupon.id: used.uses for used in services().coupons.usage_of(list(coupons))}


def _view(coupon: Coupon, uses: int) -> dict[str, Any]:
    return record_view(CouponOut, coupon, uses=uses)
