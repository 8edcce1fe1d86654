"""Areas, tables, reservations. Contract suite: tests/contracts/test_reservations.py."""

from __future__ import annotations

from dinerapp.replication.ports.documents import Index
from dinerapp.replication.ports.listed import ListedDocuments
from dinerapp.reservations.model import AREAS, RESERVATIONS, TABLES, Area, DiningTable, Reservation


class Areas(ListedDocuments[Area]):
    kind = AREAS


class Tables(ListedDocuments[DiningTable]):
    kind = TABLES


class Reservations(ListedDocuments[Reservation]):
    """Found by start, at all tables or one; by phone number, with or without code; by account."""

    kind = RESERVATIONS
    indexes = (
        Index("starts_at"),
        Index("table_id", "starts_at"),
        Index("phone"),
        Index("phone", "code"),
        Index("user_id"),
    )
