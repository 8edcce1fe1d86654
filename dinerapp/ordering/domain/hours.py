"""Weekly hours in the restaurant's time zone: what is open at a time, and for how long.

At changes of daylight saving time a window is open whenever the local clock shows a time within it:
it opens the first time the clock shows `opens` and closes the last time it shows `closes`. A time
that the clock skips is passed at the moment of the change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_UTC = ZoneInfo("UTC")
_DEFAULT_DAY_END = time(4)
_MAX_LOOKAHEAD = 9
"""Days within which every window of a week opens and closes at least once more."""
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)", re.ASCII)


class Weekday(StrEnum):
    """In the order of `date.weekday()`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Open on these weekdays; closes on the next day if `closes` is not after `opens`."""

    days: tuple[Weekday, ...] = WEEK
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment up to but not including another."""

    begin: datetime
    end: datetime

    def contains(self, moment: datetime) -> bool:
        """Whether the moment lies within."""
        return self.begin <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The restaurant's time zone and hours. An empty list of windows means always open."""

    zone: ZoneInfo = _UTC
    opening: tuple[Window, ...] = ()
    day_ends: time = _DEFAULT_DAY_END

    def is_open(self, moment: datetime) -> bool:
        """Whether the restaurant is open."""
        return self.is_within(self.opening, moment)

    def is_within(self, windows: Sequence[Window], moment: datetime) -> bool:
        """Whether any of the windows is open."""
        return not windows or any(span.contains(moment) for span in self.spans(windows, moment, 1))

    def next_opening(self, windows: Sequence[Window], moment: datetime) -> datetime | None:
        """The next time that one of the windows opens."""
        begins = (span.begin for span in self.spans(windows, moment))
        return min((begin for begin in begins if begin > moment), default=None)

    def next_change(self, windows: Sequence[Window], moment: datetime) -> datetime | None:
        """The next time at which a window opens or closes."""
        ends = (end for span in self.spans(windows, moment) for end in (span.begin, span.end))
        return min((end for end in ends if end > moment), default=None)

    def business_day(self, moment: datetime) -> date:
        """The business day of a moment: after midnight it is still the previous day."""
        day = self.local(moment).date()
        return day if moment >= self.business_day_begins(day) else day - _DAY

    def business_day_begins(self, day: date) -> datetime:
        """The moment at which the previous business day ends."""
        return _last_moment(day, self.day_ends, self.zone)

    def local(self, moment: datetime) -> datetime:
        """The local time of the moment, except near the limits of `datetime`."""
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment

    def spans(
        self, windows: Sequence[Window], around: datetime, ahead: int = _MAX_LOOKAHEAD
    ) -> Iterator[Span]:
        """The spans in which the windows are open, from just before the moment for some days."""
        today = self.local(around).date()
        for window in windows:
            for number in range(-2, ahead):
                # Beyond the ends of the calendar nothing opens.
                with suppress(OverflowError):
                    yield from self._of_day(window, today + timedelta(days=number))

    def _of_day(self, window: Window, day: date) -> list[Span]:
        return [*self._span(window, day)] if WEEK[day.weekday()] in window.days else []

    def _span(self, window: Window, day: date) -> Iterator[Span]:
        last_day = day if window.closes > window.opens else day + _DAY
        begin = _first_moment(day, window.opens, self.zone)
        end = _last_moment(last_day, window.closes, self.zone)
        if begin < end:
            yield Span(begin, end)


def parse_hours(text: str) -> tuple[Window, ...]:
    """Windows written like `mon-fri 11:00-23:00; sat,sun 10:00-02:00`; ValueError otherwise."""
    parts = (part.split() for part in text.lower().split(";") if part.strip())
    return tuple(_parse_window(part) for part in parts)


def parse_time(text: str) -> time:
    """A time of day written like `23:30`; 24:00 is midnight."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day")
    return time() if match[3] else time(int(match[1]), int(match[2]))


def format_time(moment: time) -> str:
    """The time of day as `parse_time` reads it."""
    return moment.strftime("%H:%M")


def _parse_window(part: Sequence[str]) -> Window:
    if len(part) != 2:
        raise ValueError(f"{' '.join(part)!r} is not days and hours")
    days = {day for each in part[0].split(",") for day in _parse_days(each)}
    opens, _, closes = part[1].partition("-")
    return Window(
        days=tuple(sorted(days, key=WEEK.index)),
        opens=parse_time(opens),
        closes=parse_time(closes),
    )


def _parse_days(text: str) -> Sequence[Weekday]:
    first, dash, last = text.partition("-")
    begin = WEEK.index(Weekday(first))
    count = (WEEK.index(Weekday(last)) - begin) % len(WEEK) if dash else 0
    return [WEEK[(begin + number) % len(WEEK)] for number in range(count + 1)]


def _first_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first moment at which the local clock shows that time or a later one."""
    moment = datetime.combine(day, at.replace(fold=0), zone)
    return _after_skipped(moment, zone) if _is_skipped(moment, zone) else moment.astimezone(UTC)


def _last_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The last moment at which the local clock reaches that time or a later one."""
    moment = datetime.combine(day, at.replace(fold=1), zone)
    return _after_skipped(moment, zone) if _is_skipped(moment, zone) else moment.astimezone(UTC)


def _is_skipped(moment: datetime, zone: ZoneInfo) -> bool:
    back = moment.astimezone(UTC).astimezone(zone)
    return back.replace(tzinfo=None, fold=0) != moment.replace(tzinfo=None, fold=0)


def _after_skipped(skipped: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clock skips a time that it never shows."""
    before = skipped.replace(fold=1).astimezone(UTC)
    after = skipped.replace(fold=0).astimezone(UTC)
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
