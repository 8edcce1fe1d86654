"""What a WSGI server imports: `python serve.py`, or `gunicorn -c gunicorn.conf.py wsgi:app`."""

from __future__ import annotations

import sys

from flask import Flask

from blueprints.http.diner import EXTENSION
from dinerapp.runtime.app import create_app
from dinerapp.runtime.processes import spare_the_collector
from dinerapp.runtime.secret import secret_key
from dinerapp.runtime.settings import BadSetting, Settings
from dinerapp.runtime.wiring import NoDatabase

# By this code gunicorn knows that starting the worker again would not help.
APP_LOAD_ERROR = 4


def connected() -> Flask:
    """The application by the environment, with its connections open."""
    made = create_app(secret_key(Settings.from_environment()))
    made.extensions[EXTENSION].connections.initialize_all()
    spare_the_collector()
    return made


try:
    app = connected()
except (BadSetting, NoDatabase) as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(APP_LOAD_ERROR)
