"""What a WSGI server imports from a checkout: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from __future__ import annotations

from dinerapp.runtime.wsgi import app

__all__ = ["app"]
