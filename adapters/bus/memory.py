"""The bus within one process, for test suites."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from threading import Lock

from adapters.bus.line import Line, LineDown


class Exchange:
    """What stands for the server. `is_up` may be set to False."""

    def __init__(self) -> None:
        self.is_up = True
        self.lock = Lock()
        self.listeners: list[queue.SimpleQueue[str]] = []


class MemoryLine(Line):
    """A line to an exchange."""

    def __init__(self, exchange: Exchange, name: str = "memory") -> None:
        self.name = name
        self._exchange = exchange
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    def send(self, texts: Sequence[str]) -> None:
        self._require_server()
        with self._exchange.lock:
            for listener in self._exchange.listeners:
                for text in texts:
                    listener.put(text)

    def begin(self) -> None:
        self._require_server()
        self._heard = queue.SimpleQueue()
        with self._exchange.lock:
            self._exchange.listeners.append(self._heard)

    def listen(self, hear: Callable[[str], None], seconds: float) -> None:
        try:
            hear(self._heard.get(timeout=seconds))
        except queue.Empty:
            self._require_server()

    def stop_sending(self) -> None:
        """There is nothing to hang up."""

    def stop_listening(self) -> None:
        with self._exchange.lock:
            if self._heard in self._exchange.listeners:
                self._exchange.listeners.remove(self._heard)

    def _require_server(self) -> None:
        if not self._exchange.is_up:
            raise LineDown("the exchange is closed")
