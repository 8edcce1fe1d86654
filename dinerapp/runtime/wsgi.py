"""What a WSGI server imports: `dinerapp.runtime.wsgi:app`, or `wsgi:app` in a checkout."""

from __future__ import annotations

import sys

from flask import Flask

from dinerapp.runtime import processes
from dinerapp.runtime.app import create_app
from dinerapp.runtime.container import EXTENSION
from dinerapp.runtime.databases import NoDatabase
from dinerapp.runtime.secret import with_secret_key
from dinerapp.runtime.settings import BadSetting, Settings

# By this code gunicorn knows that starting the worker again would not help.
APP_LOAD_ERROR = 4


def create_connected_app() -> Flask:
    """The application by the environment, with its connections open."""
    made = create_app(
        with_secret_key(Settings.from_environment()), must_end=processes.ending.is_set
    )
    made.extensions[EXTENSION].supervisor.start()
    processes.tune_gc()
    return made


try:
    app = create_connected_app()
except (BadSetting, NoDatabase) as exc:
    sys.stderr.write(f"{exc}\n")
    sys.exit(APP_LOAD_ERROR)
