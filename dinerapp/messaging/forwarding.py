"""Forwards signals about rooms to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinerapp.live.signal_bridge import SignalBridge, describe_change
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.domain.read_markers import READ_MARKERS, ReadMarker
from dinerapp.messaging.signals import (
    access_changed,
    message_changed,
    message_sent,
    remote_typing,
    room_read,
    typing_noticed,
)
from dinerapp.replication.record import Record


def forward_signals(bridge: SignalBridge) -> None:
    """Connects the wing's signals to the bus."""
    bridge.forward(message_sent, "message_changed", _message)
    bridge.forward(message_changed, "message_changed", _message)
    bridge.forward(room_read, "room_read", _read)
    bridge.forward(access_changed, "access_changed", _access)
    bridge.forward(typing_noticed, "typing", _typing)
    bridge.receive("typing", remote_typing)


def _message(kind: str, message: Message) -> Mapping[str, Any]:
    return describe_change(kind, message, room_id=message.room_id)


def _read(read: ReadMarker) -> Mapping[str, Any]:
    about = {"room_id": read.room_id, "user_id": read.user_id, "message_id": read.message_id}
    return describe_change(READ_MARKERS.name, read, **about)


def _access(about: Record, user_id: str | None) -> Mapping[str, Any]:
    return describe_change("", about, user_id=user_id)


def _typing(room_id: str, user_id: str) -> Mapping[str, Any]:
    return {"room_id": room_id, "user_id": user_id}
