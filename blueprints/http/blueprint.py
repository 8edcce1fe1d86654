"""The blueprint and the argument parser that every domain's routes use."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Request, g
from flask_smorest import Blueprint as SmorestBlueprint
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from blueprints.http import strict_json


class StrictParser(FlaskParser):
    """Reads strict JSON only, and refuses query parameters it does not know."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 as the base class has it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "json": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        data = req.get_data(cache=True)
        if data and not req.is_json:
            raise UnsupportedMediaType("the body must be sent as application/json")
        g.body = strict_json.loads(data) if data else {}
        return g.body


class Blueprint(SmorestBlueprint):
    """A package of routes of one domain."""

    ARGUMENTS_PARSER = StrictParser()
