"""Signals about rooms, sent after the commit."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

access_changed = _signals.signal("access_changed")
"""Somebody may have lost access to rooms. about: Record, user_id: str, or None for everybody."""

message_sent = _signals.signal("message_sent")
"""A message was sent to a room. kind: str, message: Message."""

message_changed = _signals.signal("message_changed")
"""A message was edited or removed. kind: str, message: Message."""

room_read = _signals.signal("room_read")
"""A user has read a room up to a message. read: ReadMarker."""

typing_noticed = _signals.signal("typing_noticed")
"""A user is typing in a room. room_id: str, user_id: str."""

remote_typing = _signals.signal("remote_typing")
"""Another process noticed a user typing in a room. room_id: str, user_id: str."""
