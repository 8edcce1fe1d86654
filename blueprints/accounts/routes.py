"""/api/auth and /api/users"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from blueprints.accounts.schemas import (
    GrantedOut,
    Login,
    PasswordChange,
    Refresh,
    Registration,
    UserChanges,
    UserOut,
    UserPage,
    UsersQuery,
)
from blueprints.accounts.views import login_view, user_view
from blueprints.http.access import caller
from blueprints.http.blueprint import Blueprint
from blueprints.http.rate_limits import RateLimit
from blueprints.http.responses import (
    if_match,
    json_response,
    operation,
    page_response,
    parse_cursor,
    record_response,
    write_response,
)
from blueprints.http.services import services_of
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import Permission
from dinerapp.accounts.ports.users import UserFilter
from dinerapp.accounts.services.accounts import LoginResult, NewAccount

services = services_of(AccountServices)

auth = Blueprint("auth", __name__, url_prefix="/api/auth", description="Logging in and out")
blp = Blueprint("users", __name__, url_prefix="/api/users", description="User accounts")


@auth.post("/register")
@auth.public
@auth.rate_limit(RateLimit.REGISTER)
@auth.arguments(Registration)
@auth.creates(UserOut)
def register(new: NewAccount) -> Response:
    """Create your own account

    The response is the same if the e-mail address already has an account, which then stays as it
    is: if you cannot log in afterwards, you already had an account.
    """
    result = services().accounts.register(operation("auth.register", exclude=["password"]), new)
    return write_response(result, user_view(result.record), location="/api/auth/me")


@auth.post("/login")
@auth.public
@auth.rate_limit(RateLimit.LOGIN, RateLimit.ACCOUNT)
@auth.arguments(Login)
@auth.response(200, GrantedOut)
@auth.fails_with(401)
def login(given: dict[str, str]) -> Response:
    """Log in: get an access token for requests and a refresh token for the next pair"""
    return _login_response(services().accounts.login(given["email"], given["password"]))


@auth.post("/refresh")
@auth.public
@auth.arguments(Refresh)
@auth.response(200, GrantedOut)
@auth.fails_with(401)
def refresh(given: dict[str, str]) -> Response:
    """Get the next pair of tokens

    A refresh token can be used once. Using it again ends the session, because it may have been
    stolen; only for a few seconds is it taken for the retry of a client that got no response.
    """
    return _login_response(services().accounts.refresh(given["refresh_token"]))


@auth.post("/logout")
@auth.allows(Permission.USE_ACCOUNT)
@auth.response(204)
def logout() -> Response:
    """Log out: end this session and revoke its tokens at once"""
    services().accounts.logout(caller())
    return Response(status=204)


@auth.get("/me")
@auth.allows(Permission.USE_ACCOUNT)
@auth.reads(UserOut)
def read_me() -> Response:
    """Your account"""
    user = services().accounts.get(caller().user_id or "")
    return record_response(user, user_view(user))


@auth.post("/password")
@auth.allows(Permission.USE_ACCOUNT)
@auth.rate_limit(RateLimit.LOGIN, RateLimit.ACCOUNT)
@auth.arguments(PasswordChange)
@auth.response(204)
def change_password(given: dict[str, str]) -> Response:
    """Change your password; ends your other sessions"""
    services().accounts.change_password(caller(), given["current_password"], given["new_password"])
    return Response(status=204)


@blp.get("")
@blp.allows(Permission.MANAGE_USERS)
@blp.arguments(UsersQuery, location="query")
@blp.response(200, UserPage)
def list_users(query: dict[str, Any]) -> Response:
    """Users, newest first"""
    limit, cursor = query.pop("limit"), query.pop("cursor")
    return page_response(
        services().accounts.page(UserFilter(**query), parse_cursor(cursor), limit), user_view
    )


@blp.patch("/<uuid:user_id>")
@blp.allows(Permission.MANAGE_USERS)
@blp.arguments(UserChanges)
@blp.changes(UserOut)
def change_user(fields: dict[str, Any], user_id: UUID) -> Response:
    """Change a user's role or details, or close the account

    Only admins may create or change accounts of managers and admins.
    """
    op = operation(f"users.change {user_id}")
    result = services().accounts.change(caller(), str(user_id), op, fields, if_match())
    return write_response(result, user_view(result.record))


def _login_response(result: LoginResult) -> Response:
    return json_response(login_view(result))
