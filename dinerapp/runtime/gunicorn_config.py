"""The configuration of gunicorn, derived from the settings of the application."""

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

# Must run before prometheus_client is imported, which looks for the directory at that time.
# On SIGUSR2 it runs again, in a new master.
processes.share_metrics()

wsgi_app = "dinerapp.runtime.wsgi:app"
host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = f"{host}:{settings.port}"
workers = settings.web_concurrency
worker_class = "gthread"
# The application processes WEB_THREADS requests at a time; other threads are for live streams.
threads = settings.web_threads + settings.web_streams
# Pools and threads do not survive a fork, so each worker loads the application itself.
preload_app = False
reuse_port = True
timeout = 30
graceful_timeout = 20
# Longer than the usual 60 s of load balancers, so that they close idle connections first.
keepalive = 65
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True


class PropagatingLogger(Logger):  # type: ignore[misc]
    """Logs gunicorn's own lines in the format of the application, which logs requests itself."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = PropagatingLogger


def on_starting(_server: Any) -> None:
    """Deletes the metrics of processes that have exited."""
    processes.forget_metrics()


def post_worker_init(_worker: Any) -> None:
    """Ends live streams as soon as the worker gets a signal to stop, not after its timeout."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        processes.end_streams_on(number)


def worker_exit(_server: Any, worker: Any) -> None:
    """Stops the background services and closes the connections to databases."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions[EXTENSION].supervisor.stop()


def child_exit(_server: Any, worker: Any) -> None:
    """Removes a dead worker from metrics that only count living ones."""
    processes.forget_worker(worker.pid)


def on_exit(_server: Any) -> None:
    """Removes the directory of the metrics."""
    processes.remove_metrics()
