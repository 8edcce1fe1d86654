"""Every route with who may use it, as the rules of the views say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from blueprints.http.access import described, rule_of

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
                yield Listed(method, _path(route.rule), described(rule))


def _path(rule: str) -> str:
    return rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}")
