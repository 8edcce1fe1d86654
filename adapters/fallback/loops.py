"""Threads that repeat a step until they are told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)


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
