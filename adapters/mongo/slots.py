"""Slots in MongoDB."""

from __future__ import annotations

from adapters.mongo.store import MongoStore
from dinerapp.ordering.domain.slots import Slot
from dinerapp.ordering.ports.slots import Slots


class MongoSlots(MongoStore[Slot], Slots):
    """Collection slots."""
