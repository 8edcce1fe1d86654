"""Serves the application with granian: `python -m dinerapp.runtime.granian_server [MODULE:APP]`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from dinerapp.runtime import processes
from dinerapp.runtime.container import EXTENSION
from dinerapp.runtime.logs import configure_logging
from dinerapp.runtime.settings import BadSetting, Settings

CLOSE_PRIORITY = 100
KILL_SECONDS = 20
IDLE_SECONDS = 600
QUEUED_PER_THREAD = 4
"""How many accepted requests may wait per thread; others stay in the backlog of the socket."""
LOG_CONFIG = {"loggers": {"_granian": {"propagate": True}}}
"""Granian logs through the handlers of the application."""


def main() -> None:
    """Serves the application named by the first argument, with settings from the environment."""
    try:
        settings = Settings.from_environment()
    except BadSetting as exc:
        sys.exit(str(exc))
    configure_logging(settings)
    processes.skip_gc_at_exit()
    serve(settings, *sys.argv[1:2])


def serve(settings: Settings, target: str = processes.APP) -> None:
    """Serves until SIGINT or SIGTERM. SIGHUP restarts the workers one after the other."""
    processes.share_metrics()
    threads = settings.web_threads + settings.web_streams
    server = Granian(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_concurrency,
        # The application works on WEB_THREADS requests at a time; other threads are for streams.
        blocking_threads=threads,
        blocking_threads_idle_timeout=IDLE_SECONDS,
        backpressure=threads * QUEUED_PER_THREAD,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=LOG_CONFIG,
    )
    os.register_at_fork(after_in_child=_exit_on_signals)
    server.on_startup(processes.forget_metrics)
    server.on_shutdown(processes.remove_metrics)
    server.serve(target_loader=_load)


def _exit_on_signals() -> None:
    """Lets signals terminate a worker that granian does not serve in yet. The handlers inherited
    from the master only set a flag there, so a signal would be lost, and the master would wait for
    the worker until it kills it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _load(target: str) -> Callable[..., Any]:
    """Loads the application in a worker, and registers what has to happen when the worker stops."""
    module, _, name = target.partition(":")
    processes.forget_dead_workers()
    app = getattr(__import__(module, fromlist=[name]), name)
    _end_streams_on_signals()
    Finalize(None, processes.forget_worker, (os.getpid(),), exitpriority=CLOSE_PRIORITY - 1)
    Finalize(None, app.extensions[EXTENSION].supervisor.stop, exitpriority=CLOSE_PRIORITY)
    wsgi_app: Callable[..., Any] = app
    return wsgi_app


def _end_streams_on_signals() -> None:
    """Ends open streams on SIGTERM and SIGINT, in addition to the handlers of granian."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    signal.set_wakeup_fd(write_fd)

    def listen() -> None:
        while os.read(read_fd, 1)[0] not in (signal.SIGTERM, signal.SIGINT):
            pass
        processes.ending.set()

    threading.Thread(target=listen, name="signals", daemon=True).start()


if __name__ == "__main__":
    main()
