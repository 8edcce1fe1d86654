"""One way for messages to reach other processes. Contract suite: tests/contracts/bus.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

PATIENCE = 1.0
"""Seconds in which a server must answer."""
AT_ONCE = 100
"""How many messages are sent together at most."""


class LineDown(Exception):
    """The server cannot be reached, or does not answer."""


class Line(ABC):
    """Texts, on connections of its own. One thread sends, another one listens; each half
    connects when it has to, and hangs up when it fails. Every text is up to 4000 bytes long."""

    name: str

    @abstractmethod
    def send(self, texts: Sequence[str]) -> None:
        """Gives the texts to whoever listens now, or raises LineDown; then some of them may
        have been sent all the same."""

    @abstractmethod
    def begin(self) -> None:
        """Connects for listening: what is sent from now on is heard. Raises LineDown."""

    @abstractmethod
    def listen(self, hear: Callable[[str], None], seconds: float) -> None:
        """Hears texts for about so many seconds. Raises LineDown once messages may be lost."""

    @abstractmethod
    def stop_sending(self) -> None:
        """Hangs up; the next `send` connects again."""

    @abstractmethod
    def stop_listening(self) -> None:
        """Hangs up; `begin` connects again."""
