"""Slots: how many scheduled orders the restaurant accepts for a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from dinerapp.ordering.domain.hours import Calendar, Span
from dinerapp.replication.errors import InvalidRequest, RuleViolation
from dinerapp.replication.identity import derived_id
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record

SCHEDULED_FOR = "fulfilment.scheduled_for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot(Record):
    """A slot from `starts_at` for at most this many scheduled orders. `notes` are for staff."""

    starts_at: datetime
    capacity: int
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPolicy:
    """The rules for scheduled orders. `capacity` is the default for slots; 0 means no limit.
    `field` is the name of the scheduled time in requests, for errors."""

    calendar: Calendar = field(default_factory=Calendar)
    minutes: int = 15
    capacity: int = 0
    days_ahead: int = 14
    field: str = SCHEDULED_FOR

    def slot_of(self, moment: datetime) -> datetime | None:
        """The start of the slot of that moment; None if slots have no limit."""
        return self.start_of(moment) if self.capacity else None

    def start_of(self, moment: datetime) -> datetime:
        """The latest start of a slot on the local clock. Slots divide an hour, so that a change of
        daylight saving time by whole slots splits none of them."""
        local = self.calendar.local(moment)
        beyond = timedelta(
            minutes=local.minute % self.minutes,
            seconds=local.second,
            microseconds=local.microsecond,
        )
        return (moment - beyond).astimezone(UTC)

    def slots_of(self, day: date) -> Sequence[datetime]:
        """The slots of a business day in which the restaurant is open, in order."""
        span, step = self.span_of(day), timedelta(minutes=self.minutes)
        first = self.start_of(span.begin)
        starts = (first + number * step for number in range((span.end - first) // step + 1))
        return [each for each in starts if span.contains(each) and self.calendar.is_open(each)]

    def span_of(self, day: date) -> Span:
        """The begin and end of a business day; InvalidRequest if it is outside the supported range
        of dates."""
        try:
            begin, end = (
                self.calendar.business_day_begins(day + timedelta(days=number)) for number in (0, 1)
            )
        except OverflowError:
            raise InvalidRequest("is outside the supported range of dates", field="date") from None
        return Span(begin, end)

    def require_open(self, now: datetime) -> None:
        """RuleViolation outside the opening hours, when only scheduled orders are accepted."""
        if self.calendar.is_open(now):
            return
        again = self.calendar.next_opening(self.calendar.opening, now)
        when = "" if again is None else f" and open again on {self._format_moment(again)}"
        raise RuleViolation(f"we are closed now{when}; choose a later time", field=self.field)

    def require_bookable(self, moment: datetime, now: datetime) -> None:
        """Raises unless an order can be scheduled for that time."""
        if moment <= now:
            raise InvalidRequest("must be in the future", field=self.field)
        if moment > now + timedelta(days=self.days_ahead):
            raise InvalidRequest(
                f"must be within the next {self.days_ahead} days", field=self.field
            )
        if not self.calendar.is_open(moment):
            raise RuleViolation(f"we are closed on {self._format_moment(moment)}", field=self.field)

    def _format_moment(self, moment: datetime) -> str:
        return f"{self.calendar.local(moment):%A, %d %B at %H:%M}"


def slot_id(starts_at: datetime) -> str:
    """The id of a slot, the same wherever it is created."""
    return derived_id("slots", starts_at.isoformat())


def slot_key(starts_at: datetime) -> str:
    """The counter of the orders in a slot."""
    return f"slot:{starts_at.isoformat()}"


def _limits(slot: Slot) -> Mapping[str, int | None]:
    return {slot_key(slot.starts_at): None if slot.deleted else slot.capacity}


SLOTS = Kind("slots", Slot, limits=_limits)
