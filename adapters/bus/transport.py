"""A transport of messages to other processes. Contract suite: tests/contracts/bus.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

TIMEOUT_SECONDS = 1.0
"""Seconds in which a server must answer."""
BATCH_SIZE = 100
"""The maximum number of messages that are sent together."""


class TransportDown(Exception):
    """The server cannot be reached, or does not answer."""


class Transport(ABC):
    """Sends and receives texts of up to 4000 bytes, on connections of its own. One thread sends,
    another one listens; each has its own connection, which is closed after a failure."""

    name: str

    @abstractmethod
    def send(self, texts: Sequence[str]) -> None:
        """Sends the texts to all current listeners, connecting first if needed. After
        TransportDown some of them may have been sent all the same."""

    @abstractmethod
    def connect(self) -> None:
        """Connects for listening: what is sent from now on is received. Raises TransportDown."""

    @abstractmethod
    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        """Receives texts for about so many seconds. Raises TransportDown if any may be lost."""

    @abstractmethod
    def stop_sending(self) -> None:
        """Disconnects; the next `send` connects again."""

    @abstractmethod
    def stop_listening(self) -> None:
        """Disconnects; `connect` connects again."""
