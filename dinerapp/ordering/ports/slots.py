"""Slots. Contract suite: tests/contracts/test_slots.py."""

from __future__ import annotations

from dinerapp.ordering.domain.slots import SLOTS, Slot
from dinerapp.replication.ports.documents import Documents


class Slots(Documents[Slot]):
    """Slots that orders or managers have used; all others have the capacity from the settings."""

    kind = SLOTS
