"""Which signals of replication are forwarded to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinerapp.live.signal_bridge import SignalBridge
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.signals import conflict_resolved, remote_suspicion, suspicion_published


def forward_signals(bridge: SignalBridge) -> None:
    """Connects the signals of replication to the bus."""
    bridge.forward(conflict_resolved, "conflict_resolved", _conflict)
    bridge.forward(suspicion_published, "absence", _suspicion)
    bridge.receive("absence", remote_suspicion)


def _conflict(conflict: Conflict) -> Mapping[str, Any]:
    return {"kind": conflict.about, "id": conflict.record_id, "version": ""}


def _suspicion(place: str) -> Mapping[str, Any]:
    return {"place": place}
