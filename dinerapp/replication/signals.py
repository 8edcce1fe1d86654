"""Signals about stores and about the replication of records.

Sent after the fact; receivers cannot undo it. Receivers are module-level functions (blinker keeps
weak references), and `announce` keeps a failing one from stopping the request or the others.
"""

from __future__ import annotations

from typing import Any

import structlog
from blinker import NamedSignal, Namespace

_log = structlog.get_logger(__name__)
_signals = Namespace()

connection_lost = _signals.signal("connection_lost")
"""A store stopped answering this process. store: str, reason: str."""

connection_restored = _signals.signal("connection_restored")
"""A store has caught up and is up again. store: str, seconds: float down."""

connection_slow = _signals.signal("connection_slow")
"""Too many calls to a store were slow; connection_lost follows. store: str, seconds: float."""

connection_behind = _signals.signal("connection_behind")
"""Another process cannot use a store that is up here; it may lack writes. store: str."""

suspicion_published = _signals.signal("suspicion_published")
"""This process has published that it cannot use a store, whose id is `place`. place: str."""

remote_suspicion = _signals.signal("remote_suspicion")
"""Another process has just published that it cannot use a store. place: str."""

follow_up_queued = _signals.signal("follow_up_queued")
"""A written record was queued for the followers of its kind. kind: str."""

conflict_found = _signals.signal("conflict_found")
"""A conflict was stored. conflict: Conflict."""

conflict_resolved = _signals.signal("conflict_resolved")
"""A manager closed a conflict, which may have changed its record. conflict: Conflict."""


def announce(signal: NamedSignal, sender: object, **payload: Any) -> None:
    """Sends the signal to every receiver; a failure is logged."""
    for receiver in signal.receivers_for(sender):
        try:
            receiver(sender, **payload)
        except Exception:  # noqa: BLE001 a failing receiver must not affect the others
            _log.exception("receiver_failed", signal=signal.name, receiver=repr(receiver))
