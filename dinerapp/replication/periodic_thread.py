"""Work that repeats in the background: the one kind of thread for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
STOP_SECONDS = 5.0


class PeriodicThread:
    """Repeats `step`, which returns the seconds until the next one, from `start` until `stop`.

    Setting `wake` ends a pause early. Whoever has work for the thread is given the event, so that
    neither needs to know the other.
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
        """Begins with a step at once; may be done again after `stop`."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=[self._stopping], name=self.name, daemon=True
        )
        self._thread.start()

    def request_stop(self) -> None:
        """Asks it to end after the step it is in, and does not wait for that."""
        self._stopping.set()
        self._wake.set()

    def stop(self) -> None:
        """Ends it after the step it is in; does not wait for ever."""
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
