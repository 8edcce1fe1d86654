"""Accounts as plain values for responses; fields are listed explicitly, so that no other leaks."""

from __future__ import annotations

from typing import Any

from dinerapp.accounts.domain.users import User
from dinerapp.accounts.services.accounts import LoginResult


def user_view(user: User) -> dict[str, Any]:
    """A user account."""
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
    """The tokens and the user after a login."""
    return {
        "access_token": result.access_token,
        "refresh_token": result.refresh_token,
        "token_type": "Bearer",
        "expires_in": result.expires_in,
        "user": user_view(result.user),
    }
