"""A till session, from opening to closing, with the expected and the counted cash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dinerapp.replication.errors import InvalidRecord, RuleViolation
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Till(Record):
    """`opening` and `counted` are cash. The expected amount is the opening plus the cash payments
    since then; it is recorded at closing, next to the counted amount."""

    name: str
    opened_by: str
    opening: int
    closed_at: datetime | None = None
    closed_by: str | None = None
    expected: int | None = None
    counted: int | None = None
    notes: str | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    def validate(self) -> None:
        for name in ("opening", "counted"):
            if (getattr(self, name) or 0) < 0:
                raise InvalidRecord(name, "must not be negative")

    def as_closed(
        self, *, by: str, expected: int, counted: int, notes: str | None, op_id: str, now: datetime
    ) -> Till:
        """The till after counting and closing; RuleViolation if it is already closed."""
        if not self.is_open:
            raise RuleViolation("the till is already closed")
        return self.with_changes(
            op_id=op_id,
            now=now,
            closed_at=now,
            closed_by=by,
            expected=expected,
            counted=counted,
            notes=notes,
        )


TILLS = Kind("tills", Till)
