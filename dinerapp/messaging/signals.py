"""What happens in rooms, told after the fact."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

access_changed = _signals.signal("access_changed")
"""Somebody may not see every room any more that they saw. about: Record, user_id: str or None for
anybody."""

message_sent = _signals.signal("message_sent")
"""Something was said in a room. kind: str, message: Message."""

message_changed = _signals.signal("message_changed")
"""A message was edited or removed. kind: str, message: Message."""

room_read = _signals.signal("room_read")
"""Somebody has read a room up to some message. read: Read."""

typing_noticed = _signals.signal("typing_noticed")
"""Somebody is typing in a room. room_id: str, user_id: str."""

remote_typing = _signals.signal("remote_typing")
"""Another process noticed somebody typing in a room. room_id: str, user_id: str."""
