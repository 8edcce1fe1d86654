"""What happens to accounts, told after the fact."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

user_created = _signals.signal("user_created")
"""Somebody has an account now. user: User."""

user_changed = _signals.signal("user_changed")
"""An account was changed by its owner or a manager. user: User."""
