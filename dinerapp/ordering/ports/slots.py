"""Slots. Contract suite: tests/contracts/test_slots.py."""

from __future__ import annotations

from dinerapp.ordering.domain.slots import SLOTS, Slot
from dinerapp.replication.ports.documents import Documents


class Slots(Documents[Slot]):
    """Those that were asked for; the others have the capacity of the settings."""

    kind = SLOTS
