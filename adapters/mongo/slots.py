"""Slots in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore
from dinerapp.domain.slots import Slot
from dinerapp.ports.slots import Slots


class MongoSlots(MongoStore[Slot], Slots):
    """Collection slots."""
