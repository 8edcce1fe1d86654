"""The bus within one process, for test suites."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from threading import Lock

from adapters.bus.transport import Transport, TransportDown


class MemoryBroker:
    """Stands in for the server; `is_up` can be set to False."""

    def __init__(self) -> None:
        self.is_up = True
        self.lock = Lock()
        self.listeners: list[queue.SimpleQueue[str]] = []


class MemoryTransport(Transport):
    """A transport over a broker in memory."""

    def __init__(self, broker: MemoryBroker, name: str = "memory") -> None:
        self.name = name
        self._broker = broker
        self._inbox: queue.SimpleQueue[str] = queue.SimpleQueue()

    def send(self, texts: Sequence[str]) -> None:
        self._require_broker()
        with self._broker.lock:
            for listener in self._broker.listeners:
                for text in texts:
                    listener.put(text)

    def connect(self) -> None:
        self._require_broker()
        self._inbox = queue.SimpleQueue()
        with self._broker.lock:
            self._broker.listeners.append(self._inbox)

    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        try:
            on_message(self._inbox.get(timeout=seconds))
        except queue.Empty:
            self._require_broker()

    def stop_sending(self) -> None:
        """There is no connection to close."""

    def stop_listening(self) -> None:
        with self._broker.lock:
            if self._inbox in self._broker.listeners:
                self._broker.listeners.remove(self._inbox)

    def _require_broker(self) -> None:
        if not self._broker.is_up:
            raise TransportDown("the broker is down")
