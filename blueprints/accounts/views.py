"""Accounts as plain values for answers: what is shown is named, so that nothing else ever is."""

from __future__ import annotations

from typing import Any

from dinerapp.accounts.domain.users import User
from dinerapp.accounts.services.accounts import LoginResult


def user_view(user: User) -> dict[str, Any]:
    """Somebody with an account."""
    return {
        "id": user.id,
        "revision": user.version.revision,
        "email": user.email,
        "name": user.name,
        "phone": user.phone,
        "role": user.role,
        "active": user.active,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def login_view(result: LoginResult) -> dict[str, Any]:
    """What somebody gets who is logged in."""
    return {
        "access_token": result.access_token,
        "refresh_token": result.refresh_token,
        "token_type": "Bearer",
        "expires_in": result.expires_in,
        "user": user_view(result.user),
    }
