"""What happens around webhooks."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

deliveries_due = _signals.signal("deliveries_due")
"""Something is to be sent to webhooks now. No payload."""
