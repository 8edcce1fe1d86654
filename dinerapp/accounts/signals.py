"""Signals about accounts, sent after the commit."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

user_created = _signals.signal("user_created")
"""An account was created. user: User."""

user_changed = _signals.signal("user_changed")
"""An account was changed by its owner or a manager. user: User."""
