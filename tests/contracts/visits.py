"""A kind that exists for tests alone: its port declares everything that a port of documents can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.ports.documents import Documents, Index, Value
from dinerapp.replication.ports.repository import Cursor, Page
from dinerapp.replication.ports.routing import find_one, query
from dinerapp.replication.record import Record
from tests.contracts.samples import Sample
from tests.factories import at


class Mood(StrEnum):
    """How a guest is."""

    MERRY = "merry"
    GLUM = "glum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Record):
    """A guest is there for a while. `order` is a word of SQL."""

    guest: str
    code: str | None
    arrives_at: datetime
    leaves_at: datetime | None = None
    party: int = 2
    mood: Mood = Mood.MERRY
    regular: bool = False
    order: str | None = None
    notes: str = ""


def visit_key(guest: str) -> str:
    """What counts the people that a guest brings."""
    return f"visit:{guest}"


def _reservations(visit: Visit) -> Mapping[str, int]:
    return {} if visit.deleted else {visit_key(visit.guest): visit.party}


VISITS = Kind("visits", Visit, unique_fields=("code",), reservations=_reservations)


class Visits(Documents[Visit]):
    """Visits, by all that they can be asked for."""

    kind = VISITS
    indexes = (
        Index(),
        Index("guest", "order"),
        Index("arrives_at"),
        Index("regular", "leaves_at"),
        Index("mood", "party"),
    )

    @find_one
    def first(self, **equal: Value) -> Visit:
        """The oldest of those."""
        return self._first(**equal)

    @query
    def newest(self, after: Cursor | None, limit: int, **equal: Value) -> Page[Visit]:
        """Those, newest first."""
        return self._newest(after, limit, **equal)

    @query
    def page_by(self, field: str, after: Cursor | None, limit: int, **wanted: Any) -> Page[Visit]:
        """Those, by a time."""
        return self._page_by(field, after, limit, **wanted)

    @query
    def between(
        self, field: str, begin: Value, end: Value, *, limit: int = 100, **equal: Value
    ) -> Sequence[Visit]:
        """Those, in the order of a field."""
        return self._between(field, begin, end, limit=limit, **equal)


def visit(**fields: Any) -> Visit:
    """One of its guest's own, in an hour."""
    record_id, created_at = new_id(), fields.get("created_at", at())
    return Visit(
        **{
            "id": record_id,
            "op_id": new_op_id(),
            "created_at": created_at,
            "updated_at": created_at,
            "guest": record_id,
            "code": f"V{record_id}",
            "arrives_at": at(3600),
            **fields,
        }
    )


VISIT_SAMPLE = Sample("visits", visit, "notes")
