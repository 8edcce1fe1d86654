"""Slots in PostgreSQL: documents."""

from __future__ import annotations

from adapters.postgres.documents import DocumentStore
from dinerapp.ordering.domain.slots import Slot
from dinerapp.ordering.ports.slots import Slots


class PostgresSlots(DocumentStore[Slot], Slots):
    """Table slots."""
