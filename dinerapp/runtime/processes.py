"""What processes that live long do about metrics and memory.

prometheus_client looks for the directory through which workers share their metrics when it is
imported, so that this module imports nothing of ours.
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
"""Set when this process is told to end, so that its live streams end at once."""


def share_metrics() -> None:
    """A directory of this master's own, unless the operator has named one.

    The master that takes over from another one inherits the environment, and with it that one's
    directory.
    """
    inherited = Path(os.environ.get(METRICS_DIR_VARIABLE, _PREFIX)).name
    if inherited.startswith(_PREFIX) and not inherited.startswith(_own_prefix()):
        os.environ[METRICS_DIR_VARIABLE] = tempfile.mkdtemp(prefix=_own_prefix())


def forget_metrics() -> None:
    """Those of processes that were here before."""
    directory = Path(os.environ[METRICS_DIR_VARIABLE])
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()


def forget_worker(pid: int) -> None:
    """Takes a dead worker out of the sums that are about living ones."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def forget_dead_workers() -> None:
    """The same for all whose end nobody has seen."""
    files = Path(os.environ[METRICS_DIR_VARIABLE]).glob("gauge_live*.db")
    for pid in {int(file.stem.rpartition("_")[2]) for file in files}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            with suppress(FileNotFoundError):  # Another worker has found it too.
                forget_worker(pid)


def remove_metrics() -> None:
    """Leaves no directory of ours behind."""
    directory = Path(os.environ[METRICS_DIR_VARIABLE])
    if directory.name.startswith(_own_prefix()):
        shutil.rmtree(directory, ignore_errors=True)


def tune_gc() -> None:
    """What was made for good is not looked at again, and requests and records leave few cycles: by
    Python's own measure a quarter of the time of an order would go into looking for them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)


def skip_gc_at_exit() -> None:
    """An interpreter that ends looks through all its objects once more. That frees nothing which
    the end would not, and takes longer than the rest of the end: whoever pressed Ctrl-C waits."""
    atexit.register(gc.freeze)


def end_streams_on(signal_number: signal.Signals) -> None:
    """Sets `ending` on the signal, and then does what was done on it before."""
    before = signal.getsignal(signal_number)

    def handle(received: int, frame: FrameType | None) -> None:
        ending.set()
        if callable(before):
            before(received, frame)

    signal.signal(signal_number, handle)


def _own_prefix() -> str:
    return f"{_PREFIX}{os.getpid()}-"
