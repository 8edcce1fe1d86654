"""Metrics, memory and signals of long-running processes.

prometheus_client reads the directory through which workers share their metrics when it is imported,
so this module must not import anything that imports it.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType

APP = "dinerapp.runtime.wsgi:app"
"""What web servers serve."""
METRICS_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "diner-metrics-"
_GC_THRESHOLD = 20_000

ending = threading.Event()
"""Set when this process is asked to stop, so that its live streams end at once."""


def share_metrics() -> None:
    """Creates a directory for this master's metrics, unless the operator has set one.

    A master that takes over from another one inherits its environment, and with it the other
    one's directory.
    """
    inherited = Path(os.environ.get(METRICS_DIR_VARIABLE, _PREFIX)).name
    if inherited.startswith(_PREFIX) and not inherited.startswith(_own_prefix()):
        os.environ[METRICS_DIR_VARIABLE] = tempfile.mkdtemp(prefix=_own_prefix())


def forget_metrics() -> None:
    """Removes the metrics of earlier processes."""
    directory = Path(os.environ[METRICS_DIR_VARIABLE])
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()


def forget_worker(pid: int) -> None:
    """Removes a dead worker from the sums over live workers."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def forget_dead_workers() -> None:
    """The same for all workers that have ended unnoticed."""
    files = Path(os.environ[METRICS_DIR_VARIABLE]).glob("gauge_live*.db")
    for pid in {int(file.stem.rpartition("_")[2]) for file in files}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # Another worker may have noticed it too.
                forget_worker(pid)


def remove_metrics() -> None:
    """Removes the directory that `share_metrics` created."""
    directory = Path(os.environ[METRICS_DIR_VARIABLE])
    if directory.name.startswith(_own_prefix()):
        shutil.rmtree(directory, ignore_errors=True)


def tune_gc() -> None:
    """Exempts everything allocated so far from garbage collection, and collects less often: there
    are few reference cycles, and by default a quarter of an order's time goes into the search."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)


def skip_gc_at_exit() -> None:
    """An interpreter that ends looks through all its objects once more. That frees nothing which
    the end would not, and takes longer than the rest of the end: whoever pressed Ctrl-C waits."""
    atexit.register(gc.freeze)


def end_streams_on(signal_number: signal.Signals) -> None:
    """Sets `ending` on the signal, and then calls the previous handler."""
    previous = signal.getsignal(signal_number)

    def handle(received: int, frame: FrameType | None) -> None:
        ending.set()
        if callable(previous):
            previous(received, frame)

    signal.signal(signal_number, handle)


def _own_prefix() -> str:
    return f"{_PREFIX}{os.getpid()}-"
