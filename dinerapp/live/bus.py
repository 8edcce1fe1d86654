"""Messages between processes. Contract suite: tests/contracts/bus.py.

The bus is only a hint: messages may be lost, repeated or late, and the records are the truth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

GAP_TOPIC = "missed"
"""The topic of a message that the bus itself generates: messages may have been lost."""


@dataclass(frozen=True, slots=True)
class BusMessage:
    """A topic and a small payload of JSON values."""

    topic: str
    payload: Mapping[str, Any] = field(default_factory=dict)


class Bus(ABC):
    """Reaches every other process of this restaurant, on any host."""

    @abstractmethod
    def open(self) -> None:
        """Starts listening and sending. Neither waits for a server nor fails without one."""

    @abstractmethod
    def close(self) -> None:
        """Sends what is queued, within a second or two, and disconnects. May be opened again."""

    @abstractmethod
    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Queues a message. Never blocks and never raises; if the queue is full, the oldest
        messages are dropped. Messages of one process may arrive in any order."""

    @abstractmethod
    def subscribe(self, receiver: Callable[[BusMessage], None]) -> None:
        """Calls the receiver with each message of another process, one at a time per transport;
        errors are logged. A message with the topic GAP_TOPIC comes before the first one, and
        when an interruption is noticed and when it is over."""

    @property
    @abstractmethod
    def is_listening(self) -> bool:
        """Whether messages arrive here, as far as is known, whichever transport they come by."""
