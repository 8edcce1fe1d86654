"""Hours of a week, over every night in which the clock jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinerapp.ordering.domain.hours import (
    WEEK,
    Calendar,
    Weekday,
    Window,
    format_time,
    parse_hours,
    parse_time,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe",
     "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"]
).map(ZoneInfo)  # fmt: skip
TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.sets(st.sampled_from(WEEK), min_size=1).map(
    lambda days: tuple(sorted(days, key=WEEK.index))
)
WINDOWS = st.lists(st.builds(Window, days=DAYS, opens=TIMES, closes=TIMES), max_size=4).map(tuple)
ENDS = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
CALENDARS = st.builds(Calendar, zone=ZONES, opening=WINDOWS, day_ends=TIMES)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def is_on_the_wall(window: Window, wall: datetime) -> bool:
    """Whether a clock that shows this is within the window."""
    today, yesterday = (WEEK[(wall.weekday() - back) % 7] for back in (0, 1))
    now = wall.time().replace(fold=0)
    if window.closes > window.opens:
        return today in window.days and window.opens <= now < window.closes
    late = today in window.days and now >= window.opens
    return late or (yesterday in window.days and now < window.closes)


def jumps_near(moment: datetime, zone: ZoneInfo) -> bool:
    offsets = {
        (moment + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-50, 51)
    }
    return len(offsets) > 1


@given(CALENDARS, MOMENTS)
def test_whatever_the_clock_on_the_wall_shows_as_open_is_open(
    calendar: Calendar, moment: datetime
) -> None:
    wall = moment.astimezone(calendar.zone)
    shown = any(is_on_the_wall(window, wall) for window in calendar.opening)
    if shown or not calendar.opening:
        assert calendar.is_open(moment)
    elif not jumps_near(moment, calendar.zone):
        assert not calendar.is_open(moment)


@given(CALENDARS, MOMENTS, st.floats(0, 1, exclude_max=True))
def test_nothing_opens_or_closes_before_the_next_change(
    calendar: Calendar, moment: datetime, part: float
) -> None:
    change = calendar.next_change(calendar.opening, moment)
    if change is None:
        assert not calendar.opening
        return
    assert change > moment
    just_before = change - timedelta(microseconds=1)
    between = min(moment + (change - moment) * part, just_before)
    assert calendar.is_open(between) == calendar.is_open(moment)


@given(CALENDARS, MOMENTS)
def test_what_opens_next_is_open_then(calendar: Calendar, moment: datetime) -> None:
    opening = calendar.next_opening(calendar.opening, moment)
    if opening is not None:
        assert opening > moment
        assert calendar.is_open(opening)


@given(CALENDARS, MOMENTS, st.timedeltas(timedelta(), timedelta(days=3)))
def test_business_days_follow_one_another(
    calendar: Calendar, moment: datetime, later: timedelta
) -> None:
    day = calendar.business_day(moment)
    assert day <= calendar.business_day(moment + later)
    assert calendar.business_day_begins(day) <= moment


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2036-05-02T21:59", False),  # a Friday
        ("2036-05-02T22:00", True),
        ("2036-05-03T01:59", True),
        ("2036-05-03T02:00", False),
        ("2036-05-03T23:00", False),
        ("2036-05-02T01:00", False),
    ],
)
def test_a_window_may_pass_midnight(moment: str, is_open: bool) -> None:
    calendar = Calendar(zone=BERLIN, opening=parse_hours("fri 22:00-02:00"))
    assert calendar.is_open(berlin(moment)) is is_open


def test_the_same_time_twice_is_a_whole_day() -> None:
    calendar = Calendar(opening=parse_hours("fri 10:00-10:00"))
    assert calendar.is_open(datetime(2036, 5, 2, 10, tzinfo=UTC))
    assert calendar.is_open(datetime(2036, 5, 3, 9, 59, tzinfo=UTC))
    assert not calendar.is_open(datetime(2036, 5, 3, 10, tzinfo=UTC))


def test_a_time_that_the_clock_skips_is_over_when_it_jumps() -> None:
    jump = datetime(2036, 3, 30, 1, tzinfo=UTC)
    night = Calendar(zone=BERLIN, opening=parse_hours("sun 02:30-05:00"))
    assert not night.is_open(jump - timedelta(seconds=1))
    assert night.is_open(jump)
    never = Calendar(zone=BERLIN, opening=parse_hours("sun 02:15-02:45"))
    assert never.next_opening(never.opening, jump - timedelta(days=1)) == datetime(
        2036, 4, 6, 0, 15, tzinfo=UTC
    )


def test_a_time_that_the_clock_shows_twice_closes_the_second_time() -> None:
    late = Calendar(zone=BERLIN, opening=parse_hours("sat 22:00-02:30"))
    second = datetime(2036, 10, 26, 1, 30, tzinfo=UTC)
    assert late.is_open(second - timedelta(seconds=1))
    assert late.is_open(second - timedelta(minutes=50))
    assert not late.is_open(second)


def test_the_small_hours_belong_to_the_day_before() -> None:
    calendar = Calendar(zone=BERLIN, day_ends=time(4))
    assert calendar.business_day(berlin("2036-05-02T03:59")) == date(2036, 5, 1)
    assert calendar.business_day(berlin("2036-05-02T04:00")) == date(2036, 5, 2)


def test_hours_are_read_from_a_line_of_text() -> None:
    weekdays, weekend = parse_hours("Mon-Fri 11:00-23:00; sat,sun 10:00-24:00")
    assert weekdays == Window(days=WEEK[:5], opens=time(11), closes=time(23))
    assert weekend == Window(days=WEEK[5:], opens=time(10), closes=time(0))
    [around] = parse_hours("fri-mon,wed 09:00-17:30;")
    assert around.days == (
        Weekday.MON, Weekday.WED, Weekday.FRI, Weekday.SAT, Weekday.SUN,
    )  # fmt: skip
    assert parse_hours("") == ()


@pytest.mark.parametrize(
    "text",
    ["mon", "11:00-12:00", "mon 11-12", "mon 11:00", "mon 25:00-26:00", "mon 24:30-01:00",
     "someday 11:00-12:00", "mon- 11:00-12:00", "mon 11:00-12:00 13:00-14:00",
     "mon \u0661\u0661:00-12:00"],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|out of"):
        parse_hours(text)


@given(TIMES)
def test_a_time_of_day_is_read_as_it_was_written(moment: time) -> None:
    assert parse_time(format_time(moment)) == moment.replace(fold=0)


@given(CALENDARS, st.sampled_from(ENDS))
def test_the_ends_of_the_calendar_are_no_trouble(calendar: Calendar, moment: datetime) -> None:
    assert calendar.is_open(moment) in (True, False)
    assert calendar.next_change(calendar.opening, moment) is None or calendar.opening
    assert calendar.local(moment).year in (1, 9999)
