"""All routes with the access rules of their views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask

from blueprints.http.access import describe_rule, rule_of

_HEAD = "| method | path | who |"
_IMPLICIT_METHODS = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """One method of one route."""

    method: str
    path: str
    who: str


def route_table(app: Flask) -> list[RouteEntry]:
    """The routes, in the order of their paths."""
    return sorted(_iter_entries(app), key=lambda one: (one.path, one.method))


def markdown_table(app: Flask) -> str:
    """The same for people."""
    rows = [f"| {one.method} | `{one.path}` | {one.who} |" for one in route_table(app)]
    return "\n".join([_HEAD, "|---|---|---|", *rows, ""])


def with_table(page: str, table: str) -> str:
    """The page, which ends with the table, with this one instead."""
    return page.partition(_HEAD)[0] + table


def _iter_entries(app: Flask) -> Iterator[RouteEntry]:
    for route in app.url_map.iter_rules():
        rule = rule_of(app.view_functions[route.endpoint])
        for method in (route.methods or set()) - _IMPLICIT_METHODS:
            yield RouteEntry(method, _path(route.rule), describe_rule(rule))


def _path(rule: str) -> str:
    return rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}")
