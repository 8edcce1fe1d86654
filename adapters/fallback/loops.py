"""Threads that repeat a step until they are told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)


STOP_SECONDS = 5.0


class Loop:
    """Repeats `step`, which returns the seconds to wait; `wake` ends the wait early."""

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._step = step
        self._stopped = False
        self.wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end after the step it is in."""
        self._stopped = True
        self.wake.set()

    def join(self, seconds: float) -> None:
        """Waits for the end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped:
            try:
                wait = self._step()
            except Exception:  # noqa: BLE001 a loop that ends silently is worse than a log line
                _log.exception("loop_failed", loop=self._thread.name)
                wait = 1.0
            self.wake.wait(wait)
            self.wake.clear()


class Repeated:
    """A step that is repeated in a thread of its own from `open` to `close`."""

    def __init__(self, name: str, step: Callable[[], float]) -> None:
        self._name = name
        self._step = step
        self._loop: Loop | None = None

    def open(self) -> None:
        """Begins."""
        self._loop = Loop(self._name, self._step)
        self._loop.start()

    def close(self) -> None:
        """Ends after the step at hand."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
            loop.join(STOP_SECONDS)

    def wake(self) -> None:
        """Ends a wait early."""
        loop = self._loop
        if loop is not None:
            loop.wake.set()
