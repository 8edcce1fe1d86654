"""How granian serves the application: `python -m dinerapp.runtime.granian_server [MODULE:APP]`."""

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
"""So many requests wait for each that is worked on; the others wait in the system's queue."""
LOG_CONFIG = {"loggers": {"_granian": {"propagate": True}}}
"""What granian has to say goes where the application's lines go."""


def main() -> None:
    """By the settings in the environment, and of the application that the first argument names."""
    try:
        settings = Settings.from_environment()
    except BadSetting as exc:
        sys.exit(str(exc))
    configure_logging(settings)
    processes.skip_gc_at_exit()
    serve(settings, *sys.argv[1:2])


def serve(settings: Settings, target: str = processes.APP) -> None:
    """Serves until SIGINT or SIGTERM; SIGHUP starts the workers anew, one after the other."""
    processes.share_metrics()
    threads = settings.web_threads + settings.web_streams
    server = Granian(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_concurrency,
        # The application works on WEB_THREADS requests at a time; the others are for live streams.
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
    os.register_at_fork(after_in_child=_end_at_once_when_told)
    server.on_startup(processes.forget_metrics)
    server.on_shutdown(processes.remove_metrics)
    server.serve(target_loader=_load)


def _end_at_once_when_told() -> None:
    """Until granian serves in this worker, which then ends in order. The master's own handlers,
    which a fork inherits, would only make a note: the signal would be lost, and the master would
    wait for its worker until it kills it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _load(target: str) -> Callable[..., Any]:
    """The application in its worker, which ends its streams and hangs up when it is told to."""
    module, _, name = target.partition(":")
    processes.forget_dead_workers()
    app = getattr(__import__(module, fromlist=[name]), name)
    _end_streams_when_told()
    Finalize(None, processes.forget_worker, (os.getpid(),), exitpriority=CLOSE_PRIORITY - 1)
    Finalize(None, app.extensions[EXTENSION].supervisor.stop, exitpriority=CLOSE_PRIORITY)
    loaded: Callable[..., Any] = app
    return loaded


def _end_streams_when_told() -> None:
    """By a signal to end, beside what the server itself makes of it."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)

    def listen() -> None:
        while os.read(heard, 1)[0] not in (signal.SIGTERM, signal.SIGINT):
            pass
        processes.ending.set()

    threading.Thread(target=listen, name="signals", daemon=True).start()


if __name__ == "__main__":
    main()
