"""Hooks through which replication reports what it does, for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dinerapp.replication.ports.replica import Target
from dinerapp.replication.version import StoreId


class CallOutcome(StrEnum):
    """How a store call ended."""

    OK = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


_ROOM_OPERATION_NAMES: Mapping[str, str] = {
    "direct_messages.page": "ROOM_MESSAGES_GET_DM",
    "direct_messages.get": "ROOM_MESSAGE_GET_DM",
    "direct_messages.save": "ROOM_MESSAGES_POST_DM",
    "direct_messages.changed_since": "ROOM_STREAM_GET_DM",
    "direct_messages.unread": "ROOM_UNREAD_GET_DM",
}
"""The established names of room operations in logs."""


def display_name(operation: str) -> str:
    """The name of an operation in logs: ORDERS_PAGE for `orders.page`; rooms have their own."""
    return _ROOM_OPERATION_NAMES.get(operation) or operation.replace(".", "_").upper()


class Observer:
    """Ignores everything; metrics override what they count."""

    def call_finished(
        self, store_id: StoreId, role: str, operation: str, outcome: CallOutcome, seconds: float
    ) -> None:
        """A call to one store ended."""

    def fell_back(self, operation: str, store_id: StoreId) -> None:
        """A store served a call although it is not the kind's primary, or is catching up."""

    def state_changed(self, connection: str, state: str) -> None:
        """The health of a connection changed."""

    def shipped(self, kind: str, target: Target, count: int, refused: int) -> None:
        """A batch of outbox entries was handled."""

    def conflict_filed(self, about: str, reason: str) -> None:
        """A conflict was stored."""
