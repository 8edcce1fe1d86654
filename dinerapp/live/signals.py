"""Signals about changes that other processes made."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

remote_change = _signals.signal("remote_change")
"""Another process changed a record; may be sent twice. topic: str (its signal there), kind: str,
record_id: str, version: str, details: Mapping."""

bus_gap = _signals.signal("bus_gap")
"""Messages from other processes may have been lost. No payload."""
