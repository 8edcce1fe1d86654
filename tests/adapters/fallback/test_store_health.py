from __future__ import annotations

from datetime import datetime

from adapters.fallback.store_health import StoreHealth
from tests.factories import at


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> datetime:
        self.seconds += 1
        return at(self.seconds)


def brought_up(health: StoreHealth) -> StoreHealth:
    health.finish_catch_up(health.start_catch_up("it answers"))
    return health


def test_what_is_up_is_asked_before_what_is_not() -> None:
    clock = Clock()
    lagging, up = StoreHealth("a", now=clock), brought_up(StoreHealth("b", now=clock))
    lagging.start_catch_up("it answers again")
    assert min(lagging, up, key=lambda one: one.preference) is up


def test_what_only_lacks_a_write_is_asked_before_what_has_just_come_back() -> None:
    clock = Clock()
    stayed, returned = (brought_up(StoreHealth(name, now=clock)) for name in "ab")
    returned.trip("it is gone")
    returned.start_catch_up("it answers again")
    stayed.start_catch_up("the other one has merged something")
    assert min(stayed, returned, key=lambda one: one.preference) is stayed


def test_of_two_that_were_away_the_one_that_came_back_first_is_asked_first() -> None:
    clock = Clock()
    early, late = (brought_up(StoreHealth(name, now=clock)) for name in "ab")
    for each in (late, early):
        each.trip("it is gone")
    for each in (early, late):
        each.start_catch_up("it answers again")
    assert min(early, late, key=lambda one: one.preference) is early
