"""Signals about webhooks."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

deliveries_due = _signals.signal("deliveries_due")
"""There are deliveries to send now. No payload."""
