"""Who is asking, and whether the rule of the route lets them in. A route without a rule is shut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request
from flask.globals import request_ctx

from blueprints.http.services import services_of
from dinerapp.accounts.container import AccountServices
from dinerapp.accounts.domain.permissions import GRANTED, GUEST, Caller, Permission, Role
from dinerapp.accounts.errors import NotAuthenticated, NotPermitted
from dinerapp.replication import served_by

services = services_of(AccountServices)

V = TypeVar("V", bound=Callable[..., Any])

_RULE = "__diner_rule__"
_BEARER = "bearer"
_WITH_TOKEN = frozenset({"order_id", "cart_id"})
"""Records that come with a token of their own, by the names of their ids in paths."""
_DOCUMENTATION = ("api-docs.openapi_json", "api-docs.openapi_swagger_ui")
MISSING = "send an access token as `Authorization: Bearer …`; POST /api/auth/login gives one"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use a route.

    Without a permission everybody may; `known` says that whoever shows an account's token is
    known to the view by it. With a permission only roles that have it may, and with `owners` also
    others who show a token: whether the record is theirs, the service sees to.
    """

    permission: Permission | None = None
    known: bool = False
    owners: bool = False

    def admit(self) -> Caller:
        """The caller, if the rule lets them in."""
        if self.permission is None:
            return _with_account() if self.known and _has_token() else GUEST
        if self.owners and _is_for_one_record() and _shows_record_token():
            return Caller(record_token=_token())
        found = _with_account()
        if not (found.may(self.permission) or self.owners):
            raise NotPermitted(f"this is not for a {found.role} to do")
        return found


PUBLIC = Rule()


def ruled(rule: Rule) -> Callable[[V], V]:
    """Gives a view its rule."""

    def decorate(view: V) -> V:
        setattr(view, _RULE, rule)
        return view

    return decorate


def rule_of(view: Callable[..., Any]) -> Rule | None:
    """The rule of a view, if it has one."""
    found: Rule | None = getattr(view, _RULE, None)
    return found


def described(rule: Rule | None) -> str:
    """Who may use a route with that rule, in words."""
    if rule is None:
        return "nobody"
    if rule.permission is None:
        return "everybody"
    roles = GRANTED[rule.permission]
    owner = ["whoever it belongs to"] if rule.owners else []
    if roles == set(Role):
        return "".join(owner) or "every account"
    return "; ".join([", ".join(role for role in Role if role in roles), *owner])


def register(app: Flask) -> None:
    """Asks before every request. The documentation is not ours to decorate, and public."""
    for endpoint in _DOCUMENTATION:
        app.view_functions[endpoint] = ruled(PUBLIC)(_as_function(app.view_functions[endpoint]))
    app.before_request(_check)


def caller() -> Caller:
    """Who asks."""
    found: Caller = g.caller
    return found


def _check() -> None:
    asked = request_ctx.request
    if asked.routing_exception is not None or asked.method == "OPTIONS":
        return
    rule = rule_of(current_app.view_functions[asked.endpoint or ""])
    if rule is None:
        raise NotPermitted("nobody has said who may do this")
    g.caller = rule.admit()
    # What an answer says of the store that served it is about what was asked for.
    served_by.forget()


def _as_function(method: V) -> V:
    @wraps(method)
    def function(*args: Any, **options: Any) -> Any:
        return method(*args, **options)

    return cast(V, function)


def _with_account() -> Caller:
    if not _has_token():
        raise NotAuthenticated(MISSING)
    return services().accounts.caller(_token())


def _has_token() -> bool:
    scheme, _, token = _authorization()
    return scheme.lower() == _BEARER and bool(token.strip())


def _token() -> str:
    return _authorization()[2].strip()


def _authorization() -> tuple[str, str, str]:
    return request.headers.get("Authorization", "").partition(" ")


def _is_for_one_record() -> bool:
    return not _WITH_TOKEN.isdisjoint(request.view_args or {})


def _shows_record_token() -> bool:
    """Tokens of accounts have dots in them, those of records have none."""
    return _has_token() and "." not in _token()
