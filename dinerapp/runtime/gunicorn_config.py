"""How gunicorn serves the application; everything an operator chooses is in the settings."""

from __future__ import annotations

import signal
import sys
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from dinerapp.runtime import processes
from dinerapp.runtime.container import EXTENSION
from dinerapp.runtime.logs import configure_logging
from dinerapp.runtime.settings import BadSetting, Settings

try:
    settings = Settings.from_environment()
except BadSetting as exc:
    sys.exit(str(exc))
configure_logging(settings)

# prometheus_client looks for the directory when it is imported, which must come after this.
# This runs again in a new master on SIGUSR2.
processes.share_metrics()

wsgi_app = "dinerapp.runtime.wsgi:app"
host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = f"{host}:{settings.port}"
workers = settings.web_concurrency
worker_class = "gthread"
# The application works on WEB_THREADS requests at a time; the others are for live streams.
threads = settings.web_threads + settings.web_streams
# Pools and threads do not survive a fork, so that each worker loads the application itself.
preload_app = False
reuse_port = True
timeout = 30
graceful_timeout = 20
# Longer than the load balancers' usual 60 s, so that they close idle connections first.
keepalive = 65
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True


class PropagatingLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own lines in the application's format; requests are logged by the application."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = PropagatingLogger


def on_starting(_server: Any) -> None:
    """Forgets the metrics of processes that are gone."""
    processes.forget_metrics()


def post_worker_init(_worker: Any) -> None:
    """Ends live streams as soon as the worker is told to stop, not when its patience does."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        processes.end_streams_on(number)


def worker_exit(_server: Any, worker: Any) -> None:
    """Finishes what is under way in the databases, and hangs up."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].supervisor.stop()


def child_exit(_server: Any, worker: Any) -> None:
    """Takes a dead worker out of the sums that are about living ones."""
    processes.forget_worker(worker.pid)


def on_exit(_server: Any) -> None:
    """Leaves no directory of ours behind."""
    processes.remove_metrics()
