"""/api/users/{id}/profile"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.responses import (
    if_match,
    operation,
    public_fields,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from blueprints.profiles.schemas import ProfileChanges, ProfileOut
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Permission

services = services_of(AccountServices)

blp = Blueprint("profiles", __name__, url_prefix="/api/users", description="User profiles")


@blp.get("/<uuid:user_id>/profile")
@blp.allows(Permission.SEE_PROFILES, or_owner=True)
@blp.reads(ProfileOut)
def read_profile(user_id: UUID) -> Response:
    """A user's profile"""
    profile = services().profiles.get(caller(), str(user_id))
    return record_response(profile, public_fields(profile))


@blp.patch("/<uuid:user_id>/profile")
@blp.allows(Permission.CHANGE_PROFILES, or_owner=True)
@blp.arguments(ProfileChanges)
@blp.changes(ProfileOut)
def change_profile(fields: dict[str, Any], user_id: UUID) -> Response:
    """Change a profile: your own, or anyone's as an admin"""
    op = operation(f"profiles.change {user_id}")
    result = services().profiles.change(caller(), str(user_id), op, fields, if_match())
    return write_response(result, public_fields(result.record))
