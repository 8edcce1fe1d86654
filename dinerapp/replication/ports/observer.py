"""Where the two-store machinery says what it does; metrics listen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dinerapp.replication.ports.replica import Creditor
from dinerapp.replication.version import Place


class Outcome(StrEnum):
    """How a store call ended."""

    OK = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


_ROOMS: Mapping[str, str] = {
    "direct_messages.page": "ROOM_MESSAGES_GET_DM",
    "direct_messages.get": "ROOM_MESSAGE_GET_DM",
    "direct_messages.save": "ROOM_MESSAGES_POST_DM",
    "direct_messages.changed_since": "ROOM_STREAM_GET_DM",
    "direct_messages.unread": "ROOM_UNREAD_GET_DM",
}
"""What readers of logs know operations of rooms as."""


def known_as(operation: str) -> str:
    """The name of an operation for people: that of a room's, or `orders.page` as ORDERS_PAGE."""
    return _ROOMS.get(operation) or operation.replace(".", "_").upper()


class Observer:
    """Hears everything and does nothing; metrics override what they count."""

    def called(
        self, place: Place, role: str, operation: str, outcome: Outcome, seconds: float
    ) -> None:
        """A call to one store ended."""

    def fell_back(self, operation: str, to: Place) -> None:
        """A store answered that is not the kind's primary, or that is behind."""

    def state_changed(self, place: str, state: str) -> None:
        """A breaker changed its mind."""

    def shipped(self, kind: str, to: Creditor, count: int, refused: int) -> None:
        """A batch of what was owed was dealt with."""

    def conflict(self, about: str, reason: str) -> None:
        """A conflict was filed."""
