"""What other processes did, announced here."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

remote_change = _signals.signal("remote_change")
"""Another process changed a record, perhaps told twice. topic: str (its signal there), kind: str,
record_id: str, version: str, details: Mapping."""

bus_gap = _signals.signal("bus_gap")
"""Other processes may have changed records without this one hearing of it. No payload."""
