"""Slots of a day, also when the clock is put forward or back, and when an order may be for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.ordering.domain.hours import Calendar, parse_hours
from dinerapp.ordering.domain.slots import SlotPolicy, slot_id
from dinerapp.replication.errors import InvalidRequest, RuleViolation

BERLIN = ZoneInfo("Europe/Berlin")
EVENINGS = Calendar(zone=BERLIN, opening=parse_hours("mon-sun 18:00-01:00"))
MINUTES = st.sampled_from([5, 6, 10, 12, 15, 20, 30, 60])


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[misc,arg-type]


def test_an_evening_has_its_slots_until_after_midnight() -> None:
    slots = list(SlotPolicy(calendar=EVENINGS, minutes=30).slots_of(date(2036, 5, 1)))
    assert (slots[0], slots[-1]) == (berlin(2036, 5, 1, 18), berlin(2036, 5, 2, 0, 30))
    assert len(slots) == 14


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2036, 3, 29), 23), (date(2036, 10, 25), 25), (date(2036, 5, 1), 24)],
)
def test_a_day_that_is_longer_or_shorter_has_more_or_fewer_slots(day: date, hours: int) -> None:
    planning = SlotPolicy(calendar=Calendar(zone=BERLIN), minutes=15)
    slots = list(planning.slots_of(day))
    assert len(slots) == len(set(slots)) == hours * 4
    assert all(planning.start_of(slot) == slot for slot in slots)


@given(
    st.datetimes(datetime(2030, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    MINUTES,
)
def test_every_moment_is_in_the_slot_that_begins_just_before_it(
    moment: datetime, minutes: int
) -> None:
    planning = SlotPolicy(calendar=Calendar(zone=BERLIN), minutes=minutes)
    start = planning.start_of(moment)
    assert timedelta() <= moment - start < timedelta(minutes=minutes)
    assert planning.start_of(start) == start
    assert slot_id(start) == slot_id(start.astimezone(UTC))


def test_nobody_counts_unless_told_to() -> None:
    assert SlotPolicy().slot_of(berlin(2036, 5, 1, 18)) is None


def test_outside_the_opening_hours_orders_are_for_later() -> None:
    planning = SlotPolicy(calendar=EVENINGS)
    planning.require_open(berlin(2036, 5, 1, 18))
    with pytest.raises(RuleViolation, match="open again on Thursday, 01 May at 18:00"):
        planning.require_open(berlin(2036, 5, 1, 17, 59))


def test_orders_are_for_a_time_to_come_when_the_restaurant_is_open() -> None:
    planning, now = SlotPolicy(calendar=EVENINGS, days_ahead=2), berlin(2036, 5, 1, 12)
    planning.require_bookable(berlin(2036, 5, 1, 18), now)
    for moment in (now, berlin(2036, 4, 30, 18), berlin(2036, 5, 3, 18)):
        with pytest.raises(InvalidRequest):
            planning.require_bookable(moment, now)
    with pytest.raises(RuleViolation, match="closed on Friday, 02 May at 17:00"):
        planning.require_bookable(berlin(2036, 5, 2, 17), now)
