"""Tables, and reservations of them: who may take which step, and no table twice at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.steps import StepTable, require_step
from dinerapp.replication.bounds import Bounds
from dinerapp.replication.errors import RuleViolation
from dinerapp.replication.events import RecordEvent, format_event_time, lifecycle_events
from dinerapp.replication.kind import Kind, MergeResult
from dinerapp.replication.merge import FieldGroup, MergePolicy, merge_groups
from dinerapp.replication.record import Record

HALF_HOUR = timedelta(minutes=30)
Name = Annotated[str, Bounds(1, 100)]
Notes = Annotated[str, Bounds(0, 500)]
Party = Annotated[int, Bounds(1, 100)]
Coordinate = Annotated[int, Bounds(0, 10_000)]
_PLACEMENT = ("table_id", "starts_at", "ends_at", "party_size", "moves")
_PERSONAL = ("name", "phone", "email", "notes", "reason", "user_id", "erased_at")


class Stage(StrEnum):
    """The status of a reservation. Where two databases disagree, the later in this list wins."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    SEATED = "seated"
    COMPLETED = "completed"


_FLOOR = frozenset({Role.WAITER, Role.MANAGER, Role.ADMIN})
_DESK = _FLOOR | {Role.CASHIER}
_ANYBODY = _DESK | {Role.CUSTOMER, None}
_CONFIRMED = {Stage.SEATED: _FLOOR, Stage.NO_SHOW: _FLOOR, Stage.CANCELLED: _ANYBODY}
STEPS: StepTable[Stage] = {
    Stage.REQUESTED: {Stage.CONFIRMED: _DESK, **_CONFIRMED},
    Stage.CONFIRMED: _CONFIRMED,
    Stage.SEATED: {Stage.COMPLETED: _FLOOR},
}
"""Possible steps, and who may take each: guests and customers only with their own."""
OFF = frozenset({Stage.CANCELLED, Stage.NO_SHOW})
OVER = OFF | {Stage.COMPLETED}
"""A reservation with one of these statuses occupies no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area(Record):
    """A part of the restaurant. Clients sort areas by `position`."""

    name: Name
    position: Coordinate = 0
    notes: Notes = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiningTable(Record):
    """A table that can be reserved. `x` and `y` are its position on the plan of the area, and
    `stay_minutes` is how long a party keeps it. If not `active`, it takes no new reservations."""

    name: Name
    area_id: str
    seats: Party
    x: Coordinate = 0
    y: Coordinate = 0
    active: bool = True
    stay_minutes: Annotated[int, Bounds(30, 360)] = 120
    notes: Notes = ""

    def end_of(self, starts_at: datetime) -> datetime:
        """The end of a stay that begins at `starts_at`."""
        return starts_at + timedelta(minutes=self.stay_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Record):
    """A table for a party. `phone` is normalised, `reason` is the one given with the last step,
    and `moves` are the operations that changed the table, the time or the party size."""

    code: str
    name: Name
    phone: str
    email: str | None = None
    party_size: Party
    table_id: str
    starts_at: datetime
    ends_at: datetime
    moves: tuple[str, ...] = ()
    status: Stage = Stage.REQUESTED
    status_at: datetime | None = None
    reason: Notes | None = None
    notes: Notes | None = None
    user_id: str | None = None
    erased_at: datetime | None = None

    def with_status(
        self, status: Stage, role: Role | None, reason: str | None, now: datetime
    ) -> Reservation:
        """The reservation after a step, if the step exists and the role may take it."""
        require_step(STEPS, "reservation", self.status, status, role)
        return replace(self, status=status, status_at=now, reason=reason)

    def at_table(
        self, table: DiningTable, starts_at: datetime, party_size: int, op_id: str
    ) -> Reservation:
        """The reservation moved to a table and time. RuleViolation if it is over."""
        if (table.id, starts_at, party_size) == (self.table_id, self.starts_at, self.party_size):
            return self
        if self.status in OVER:
            raise RuleViolation(f"a reservation that is {self.status} cannot be moved")
        placement = (table.id, starts_at, table.end_of(starts_at), party_size, (*self.moves, op_id))
        placed: dict[str, Any] = dict(zip(_PLACEMENT, placement, strict=True))
        return replace(self, **placed)

    def redacted(self, at: datetime) -> Reservation:
        """The reservation without personal data; table, time and party size stay."""
        if self.erased_at is not None:
            return self
        nothing: dict[str, Any] = {"name": "", "phone": "", **dict.fromkeys(_PERSONAL[2:])}
        return replace(self, **nothing | {"erased_at": at})


def half_hours(table_id: str, begin: datetime, end: datetime) -> frozenset[str]:
    """The counter keys of a stay at a table: one for each half hour that it touches."""
    begin, number = begin.astimezone(UTC), -(-(end - begin) // HALF_HOUR)
    moments = (begin + each * HALF_HOUR for each in range(number))
    return frozenset(f"table:{table_id}@{moment:%Y-%m-%dT%H:%MZ}" for moment in moments)


def events_of(reservation: Reservation) -> Iterator[RecordEvent]:
    """The webhook events that follow from the state of a reservation."""
    says = {
        "code": reservation.code,
        "party_size": reservation.party_size,
        "table_id": reservation.table_id,
        "starts_at": format_event_time(reservation.starts_at),
    }
    status, at = reservation.status, reservation.status_at
    return lifecycle_events(reservation, "reservation", status, at, says)


def _held(reservation: Reservation) -> Mapping[str, int]:
    if reservation.deleted or reservation.status in OVER:
        return {}
    keys = half_hours(reservation.table_id, reservation.starts_at, reservation.ends_at)
    return dict.fromkeys(keys, 1)


def _rank(reservation: Reservation) -> int:
    return [*Stage].index(reservation.status)


def _clash(behind: Reservation, ahead: Reservation) -> str:
    if (behind.status in OFF) is (ahead.status in OFF):
        return ""
    return f"{behind.status} in one database, {ahead.status} in the other"


_MERGE_GROUPS = merge_groups(
    FieldGroup(("status", "status_at", "reason"), lambda one, other: _rank(one) > _rank(other)),
    FieldGroup(_PLACEMENT, lambda one, other: {*one.moves} > {*other.moves}),
    clash=_clash,
)


def _merge(
    first: Reservation, second: Reservation, policy: MergePolicy
) -> MergeResult[Reservation]:
    """A guest who is erased in one state is erased in both first: no conflict keeps them."""
    moments = [each.erased_at for each in (first, second) if each.erased_at is not None]
    if moments:
        at = max(moments)
        first, second = (replace(each.redacted(at), erased_at=at) for each in (first, second))
    return _MERGE_GROUPS(first, second, policy)


AREAS = Kind("areas", Area, unique_fields=("name",))
TABLES = Kind("tables", DiningTable, unique_fields=("name",))
RESERVATIONS = Kind(
    "reservations",
    Reservation,
    merge=_merge,
    reservations=_held,
    default_limit=1,
    has_followers=True,
)
