"""How gunicorn serves the application from a checkout: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from dinerapp.runtime.gunicorn_config import *  # noqa: F403
