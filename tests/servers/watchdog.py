"""Ends what a test run has started when the run's process is gone, however it ended.

As a program it holds a pipe that the kernel closes together with that process. Before that it is
told the folders of servers. Then it ends all that runs in them, also what is stopped, and every
other process that was started by the run, which is known by a mark in its environment.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO
from uuid import uuid4

import psutil

MARK = "DINER_TEST_RUN"
_SHUTDOWN_SECONDS = 5.0


def watch(folder: Path) -> None:
    """Remove the folder, and what runs in it, should this process end before it does so."""
    _watchdog().write(f"{folder}\n")
    _watchdog().flush()


def remove(folder: Path) -> None:
    """The folder, and whatever still runs in it."""
    _end_all(lambda: _running_in(folder.resolve()))
    shutil.rmtree(folder, ignore_errors=True)


@cache
def _watchdog() -> IO[str]:
    """The way to the one of this process."""
    mark = uuid4().hex
    # In a session of its own, for what ends ours (Ctrl-C, `timeout`) must not end it first.
    process = subprocess.Popen(
        [sys.executable, __file__, mark], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    os.environ[MARK] = mark
    atexit.register(process.communicate)
    return process.stdin


def _end_all(running: Callable[[], Sequence[psutil.Process]]) -> None:
    found = running()
    for process in found:
        with suppress(psutil.Error):
            process.resume()
    # Killed at once, a postmaster would leave shared memory behind.
    postmasters = [process for process in found if _is_postmaster(process)]
    for process in postmasters:
        with suppress(psutil.Error, ProcessLookupError):
            os.kill(process.pid, signal.SIGQUIT)
    psutil.wait_procs(postmasters, _SHUTDOWN_SECONDS)
    while left := running():
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, _SHUTDOWN_SECONDS)


def _running_in(folder: Path) -> Sequence[psutil.Process]:
    return [process for process in _others() if _works_in(process, folder)]


def _marked(mark: str) -> Sequence[psutil.Process]:
    return [process for process in _others() if _has_mark(process, mark)]


def _others() -> Iterator[psutil.Process]:
    return (process for process in psutil.process_iter() if process.pid != os.getpid())


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error, OSError):
        return Path(process.cwd()).is_relative_to(folder)
    return False


def _has_mark(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error, OSError):
        return process.environ().get(MARK) == mark
    return False


def _is_postmaster(process: psutil.Process) -> bool:
    with suppress(psutil.Error, OSError, IndexError):
        recorded = Path(process.cwd(), "postmaster.pid").read_text().split()[0]
        return recorded == str(process.pid)
    return False


def main() -> None:
    mark = sys.argv[1]
    folders = [Path(line.rstrip("\n")) for line in sys.stdin]
    # What was started first: it might start others.
    _end_all(lambda: _marked(mark))
    for folder in folders:
        if folder.exists():
            remove(folder)


if __name__ == "__main__":
    main()
