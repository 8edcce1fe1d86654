"""Slots in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.domain.slots import Slot
from dinerapp.ports.slots import Slots


class PostgresSlots(DocumentStore[Slot], Slots):
    """Table slots."""
