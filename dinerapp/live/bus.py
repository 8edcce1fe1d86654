"""What processes call out to one another. Contract suite: tests/contracts/bus.py.

The bus only wakes: messages may be lost, repeated or late, and the records are the truth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GAP_TOPIC = "missed"
"""The topic of a message that no process sent: others may have been, or may be, lost."""


@dataclass(frozen=True, slots=True)
class BusMessage:
    """A topic and a small payload of JSON values."""

    topic: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class Bus(ABC):
    """Reaches every other process of this restaurant, on whatever host."""

    @abstractmethod
    def open(self) -> None:
        """Begins to listen and to send. Waits for nobody and fails for no lack of a server."""

    @abstractmethod
    def close(self) -> None:
        """Sends what waits, within a second or two, and hangs up. May be opened again."""

    @abstractmethod
    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Hands a message over to be sent. Never waits, never raises; while too many wait, the
        oldest are lost. Messages of one process arrive in no particular order."""

    @abstractmethod
    def subscribe(self, receiver: Callable[[BusMessage], None]) -> None:
        """Has the receiver called with each message of another process, one at a time for each
        way they come in. What it raises is logged. Before the first message, and when an
        interruption is noticed and when it is over, comes one with the topic `MISSED`."""

    @property
    @abstractmethod
    def is_listening(self) -> bool:
        """Whether messages arrive here, as far as is known, whichever way they are sent."""
