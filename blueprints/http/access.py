"""Who the caller is, and whether the route's rule admits them. A route without a rule is closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request
from flask.globals import request_ctx

from blueprints.http.services import services_of
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import (
    GUEST,
    ROLES_BY_PERMISSION,
    Caller,
    Permission,
    Role,
)
from dinerapp.accounts.errors import NotAuthenticated, NotPermitted
from dinerapp.replication import served_by

services = services_of(AccountServices)

V = TypeVar("V", bound=Callable[..., Any])

_RULE_ATTRIBUTE = "__diner_rule__"
_BEARER = "bearer"
_DOCUMENTATION = ("api-docs.openapi_json", "api-docs.openapi_swagger_ui")
NO_CREDENTIALS = (
    "an access token is required: send `Authorization: Bearer …` with one from POST /api/auth/login"
)


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may use a route.

    Without a permission anyone may; with `optional_auth` the view knows whose access token was
    sent, if any. With a permission only roles that have it may, and with `or_owner` also others
    who send a token: the service checks whether the record is theirs. With `record_token` that
    may be the token which came with the record; whether it did is the service's to check as well.
    """

    permission: Permission | None = None
    optional_auth: bool = False
    or_owner: bool = False
    record_token: bool = False

    def admit(self) -> Caller:
        """The caller, if the rule lets them in."""
        if self.permission is None:
            return _account_caller() if self.optional_auth and _has_token() else GUEST
        if self.record_token and _has_record_token():
            return Caller(record_token=_token())
        found = _account_caller()
        if not (found.may(self.permission) or self.or_owner):
            raise NotPermitted(f"the role {found.role} may not do this")
        return found


PUBLIC = AccessRule()


def set_rule(rule: AccessRule) -> Callable[[V], V]:
    """Gives a view its rule."""

    def decorate(view: V) -> V:
        setattr(view, _RULE_ATTRIBUTE, rule)
        return view

    return decorate


def rule_of(view: Callable[..., Any]) -> AccessRule | None:
    """The rule of a view, if it has one."""
    found: AccessRule | None = getattr(view, _RULE_ATTRIBUTE, None)
    return found


def describe_rule(rule: AccessRule | None) -> str:
    """Who may use a route with that rule, in words."""
    if rule is None:
        return "nobody"
    if rule.permission is None:
        return "anyone"
    roles = ROLES_BY_PERMISSION[rule.permission]
    owner = ["the owner"] if rule.or_owner else []
    if roles == set(Role):
        return "".join(owner) or "any account"
    return "; ".join([", ".join(role for role in Role if role in roles), *owner])


def register(app: Flask) -> None:
    """Checks every request. The documentation's views are public; they get their rule here."""
    for endpoint in _DOCUMENTATION:
        app.view_functions[endpoint] = set_rule(PUBLIC)(_as_function(app.view_functions[endpoint]))
    app.before_request(_check_access)


def caller() -> Caller:
    """The caller of the current request."""
    found: Caller = g.caller
    return found


def _check_access() -> None:
    asked = request_ctx.request
    if asked.routing_exception is not None or asked.method == "OPTIONS":
        return
    rule = rule_of(current_app.view_functions[asked.endpoint or ""])
    if rule is None:
        raise NotPermitted("this route has no access rule, so nobody may use it")
    g.caller = rule.admit()
    # The response names the store that served the request, not the one that checked the token.
    served_by.reset()


def _as_function(method: V) -> V:
    @wraps(method)
    def function(*args: Any, **options: Any) -> Any:
        return method(*args, **options)

    return cast(V, function)


def _account_caller() -> Caller:
    if not _has_token():
        raise NotAuthenticated(NO_CREDENTIALS)
    return services().accounts.caller(_token())


def _has_token() -> bool:
    scheme, _, token = _authorization()
    return scheme.lower() == _BEARER and bool(token.strip())


def _token() -> str:
    return _authorization()[2].strip()


def _authorization() -> tuple[str, str, str]:
    return request.headers.get("Authorization", "").partition(" ")


def _has_record_token() -> bool:
    """Tokens of accounts have dots in them, those of records have none."""
    return _has_token() and "." not in _token()
