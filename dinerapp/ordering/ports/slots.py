"""Slots. Contract suite: tests/contracts/test_slots.py."""

from __future__ import annotations

from dinerapp.ordering.domain.slots import SLOTS, Slot
from dinerapp.replication.ports.repository import Repository


class Slots(Repository[Slot]):
    """Slots that orders or managers have used; all others have the capacity from the settings."""

    kind = SLOTS
