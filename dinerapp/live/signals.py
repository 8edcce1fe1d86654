"""What other processes did, announced here."""

from __future__ import annotations

from blinker import Namespace

_signals = Namespace()

changed_elsewhere = _signals.signal("changed_elsewhere")
"""Another process changed a record, perhaps told twice. topic: str (its signal there), kind: str,
record_id: str, version: str, details: Mapping."""

news_missed = _signals.signal("news_missed")
"""Other processes may have changed records without this one hearing of it. No payload."""
