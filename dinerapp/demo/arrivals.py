"""Random arrival times of guests: within opening hours, most at noon and in the evening."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from dinerapp.ordering.domain.hours import Calendar, parse_hours

DEFAULT_HOURS = parse_hours("mon-thu,sun 08:00-23:00; fri,sat 08:00-24:00")
"""Opening hours of the demo if the restaurant has none."""

_HOUR_WEIGHTS = {8: 2, 9: 3, 10: 3, 12: 6, 13: 6, 14: 3, 17: 3, 18: 7, 19: 9, 20: 7, 21: 4}
_WEEKDAY_WEIGHTS = (80, 85, 95, 100, 140, 150, 110)
_SLOT = timedelta(minutes=5)
_LAST_CALL = timedelta(minutes=30)
_RECENT = timedelta(minutes=100)
_QUARTER_HOUR = timedelta(minutes=15)


class Arrivals:
    """The time slots of the last days until `now`, with a weight for each: how busy it was."""

    def __init__(self, calendar: Calendar, now: datetime, days: int) -> None:
        self.now = now
        self._calendar = calendar
        self._windows = calendar.opening or DEFAULT_HOURS
        self._slots = list(self._open_slots(days))
        self._cumulative_weights = list(accumulate(self._weight(slot) for slot in self._slots))

    def random_time(self, rng: Random) -> datetime:
        """An arrival time; now if the restaurant was never open."""
        if not self._slots:
            return self.now
        slot = rng.choices(self._slots, cum_weights=self._cumulative_weights)[0]
        return min(slot + _random_offset(rng, _SLOT), self.now)

    def recent_time(self, rng: Random) -> datetime:
        """A time so recent that the guest may still be there; any arrival time if it was closed."""
        moment = self.now - _random_offset(rng, _RECENT)
        return moment if self._calendar.is_open(moment) else self.random_time(rng)

    def next_slot(self, moment: datetime) -> datetime:
        """The next quarter of an hour, at that moment or later, at which the restaurant is open."""
        quarter = _next_quarter(moment)
        if self._calendar.is_within(self._windows, quarter):
            return quarter
        return _next_quarter(self._calendar.next_opening(self._windows, quarter) or quarter)

    def _open_slots(self, days: int) -> Iterator[datetime]:
        begin = self.now - timedelta(days=days)
        for span in self._calendar.spans(self._windows, begin, days + 1):
            slot, end = span.begin, min(span.end - _LAST_CALL, self.now)
            while slot < end:
                if slot >= begin:
                    yield slot
                slot += _SLOT

    def _weight(self, slot: datetime) -> int:
        local = self._calendar.local(slot)
        return _HOUR_WEIGHTS.get(local.hour, 2) * _WEEKDAY_WEIGHTS[local.weekday()]


def _next_quarter(moment: datetime) -> datetime:
    quarter = moment.replace(minute=0, second=0, microsecond=0)
    while quarter < moment:
        quarter += _QUARTER_HOUR
    return quarter


def _random_offset(rng: Random, limit: timedelta) -> timedelta:
    return timedelta(seconds=rng.randrange(1, int(limit.total_seconds())))
