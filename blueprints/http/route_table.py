"""Every route with who may use it, as the rules of the views say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from blueprints.http.access import Rule, rule_of
from dinerapp.domain.permissions import GRANTED, Role

_OURS = ("/api/", "/metrics", "/openapi.json")
_NOT_COUNTED = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One method of one route."""

    method: str
    path: str
    who: str


def route_table(app: Flask) -> list[Listed]:
    """In the order of their paths."""
    return sorted(_listed(app), key=lambda one: (one.path, one.method))


def _listed(app: Flask) -> Iterator[Listed]:
    for route in app.url_map.iter_rules():
        if route.rule.startswith(_OURS):
            rule = rule_of(app.view_functions[route.endpoint])
            for method in (route.methods or set()) - _NOT_COUNTED:
                yield Listed(method, _path(route.rule), _who(rule))


def _path(rule: str) -> str:
    return rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}")


def _who(rule: Rule | None) -> str:
    if rule is None:
        return "nobody"
    if rule.permission is None:
        return "everybody"
    roles = GRANTED[rule.permission]
    owner = ["whoever it belongs to"] if rule.owners else []
    if roles == set(Role):
        return "".join(owner) or "every account"
    return "; ".join([", ".join(role for role in Role if role in roles), *owner])
