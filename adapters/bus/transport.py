"""One way for messages to reach other processes. Contract suite: tests/contracts/bus.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

TIMEOUT_SECONDS = 1.0
"""Seconds in which a server must answer."""
BATCH_SIZE = 100
"""How many messages are sent together at most."""


class TransportDown(Exception):
    """The server cannot be reached, or does not answer."""


class Transport(ABC):
    """Texts, on connections of its own. One thread sends, another one listens; each half
    connects when it has to, and hangs up when it fails. Every text is up to 4000 bytes long."""

    name: str

    @abstractmethod
    def send(self, texts: Sequence[str]) -> None:
        """Gives the texts to whoever listens now, or raises TransportDown; then some of them may
        have been sent all the same."""

    @abstractmethod
    def connect(self) -> None:
        """Connects for listening: what is sent from now on is heard. Raises TransportDown."""

    @abstractmethod
    def listen(self, on_message: Callable[[str], None], seconds: float) -> None:
        """Hears texts for about so many seconds. Raises TransportDown once messages may be lost."""

    @abstractmethod
    def stop_sending(self) -> None:
        """Hangs up; the next `send` connects again."""

    @abstractmethod
    def stop_listening(self) -> None:
        """Hangs up; `begin` connects again."""
