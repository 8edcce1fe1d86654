"""The files of Swagger UI from a package, so that /docs works without a network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from flask import Blueprint, Response, send_from_directory

from blueprints.http.access import PUBLIC, set_rule

STATIC_URL = "/docs/static/"
DAY_SECONDS = 24 * 60 * 60

blp = Blueprint("docs", __name__, url_prefix=STATIC_URL.rstrip("/"))


@blp.get("/<name>")
@set_rule(PUBLIC)
def static_file(name: str) -> Response:
    """A file that the page at /docs requests."""
    return send_from_directory(_folder(), name, max_age=DAY_SECONDS)


@cache
def _folder() -> str:
    [folder] = (files("swagger_ui_bundle") / "vendor").iterdir()
    return str(folder)
