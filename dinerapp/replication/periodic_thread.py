"""The thread that all repeating background work runs in."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
STOP_SECONDS = 5.0


class PeriodicThread:
    """Repeats `step`, which returns the seconds until the next one, from `start` until `stop`.

    Setting `wake` ends a pause early. Code with work for the thread gets the event rather than the
    thread, so that neither depends on the other.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        wake: threading.Event | None = None,
        *,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self.name = name
        self._stop_seconds = stop_seconds
        self._step = step
        self._wake = wake or threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Runs the first step at once; may be called again after `stop`."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._stopping], name=self.name, daemon=True
        )
        self._thread.start()

    def request_stop(self) -> None:
        """Asks the thread to end after its current step, without waiting for it."""
        self._stopping.set()
        self._wake.set()

    def stop(self) -> None:
        """Ends the thread after its current step; waits for it, but not for ever."""
        thread, self._thread = self._thread, None
        self.request_stop()
        if thread is not None:
            thread.join(self._stop_seconds)

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                pause = self._step()
            except Exception:  # noqa: BLE001 a thread that ends silently is worse than a log line
                _log.exception("periodic_step_failed", thread=self.name)
                pause = RETRY_SECONDS
            if not stopping.is_set():
                self._wake.wait(pause)
            self._wake.clear()
