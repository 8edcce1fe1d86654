"""What is kept ready: made once, and never given out after something has changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from dinerapp.ordering.services.single_flight import CachedValue, SingleFlightCache
from dinerapp.replication import deadline
from dinerapp.replication.errors import NoStoreAvailable
from tests.factories import at

LATER = at(10**6)


class Kitchen:
    """Makes numbered values, and can be held up at it."""

    def __init__(self) -> None:
        self.made = 0
        self.begun = threading.Semaphore(0)
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.until = LATER
        self.error: Exception | None = None

    def make(self) -> CachedValue[int]:
        self.made += 1
        number = self.made
        self.begun.release()
        assert self.may_go_on.wait(5)
        if self.error is not None:
            raise self.error
        return CachedValue(number, self.until)


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def shelf(now: datetime | None = None) -> SingleFlightCache[int]:
    return SingleFlightCache(now=lambda: now or at())


def test_a_value_is_made_once_for_each_key(kitchen: Kitchen) -> None:
    kept = shelf()
    assert [kept.get(key, kitchen.make) for key in "aabab"] == [1, 1, 2, 1, 2]


def test_a_value_is_made_anew_after_a_change(kitchen: Kitchen) -> None:
    kept = shelf()
    assert kept.get("a", kitchen.make) == 1
    kept.clear()
    assert kept.get("a", kitchen.make) == 2


def test_a_value_is_over_by_itself(kitchen: Kitchen) -> None:
    moment = [at(0)]
    kept: SingleFlightCache[int] = SingleFlightCache(now=lambda: moment[0])
    kitchen.until = at(5)
    assert kept.get("a", kitchen.make) == 1
    moment[0] = at(5) - timedelta(milliseconds=1)
    assert kept.get("a", kitchen.make) == 1
    moment[0] = at(5)
    assert kept.get("a", kitchen.make) == 2


def test_many_who_want_a_value_at_once_wait_for_one_who_makes_it(kitchen: Kitchen) -> None:
    kept = shelf()
    kitchen.may_go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(kept.get, "a", kitchen.make) for _ in range(8)]
        kitchen.begun.acquire()
        kitchen.may_go_on.set()
        assert [each.result() for each in waiting] == [1] * 8


def test_a_change_while_a_value_is_made_is_not_lost(kitchen: Kitchen) -> None:
    kept = shelf()
    kitchen.may_go_on.clear()
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(kept.get, "a", kitchen.make)
        kitchen.begun.acquire()
        kept.clear()
        late = pool.submit(kept.get, "a", kitchen.make)
        kitchen.begun.acquire()
        kitchen.may_go_on.set()
        assert (early.result(), late.result()) == (1, 2)
    assert kept.get("a", kitchen.make) == 2


def test_a_failure_is_told_to_all_who_wait_and_to_nobody_after_them(kitchen: Kitchen) -> None:
    kept = shelf()
    kitchen.error = NoStoreAvailable("both are down")
    kitchen.may_go_on.clear()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(kept.get, "a", kitchen.make) for _ in range(4)]
        kitchen.begun.acquire()
        while threading.active_count() < 5:
            pass
        kitchen.may_go_on.set()
        assert all(isinstance(each.exception(), NoStoreAvailable) for each in waiting)
    kitchen.error = None
    assert kept.get("a", kitchen.make) == kitchen.made


def test_nobody_waits_past_the_deadline(kitchen: Kitchen) -> None:
    kept = shelf()
    kitchen.may_go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(kept.get, "a", kitchen.make)
        kitchen.begun.acquire()
        with deadline.within(0.05), pytest.raises(NoStoreAvailable):
            kept.get("a", kitchen.make)
        kitchen.may_go_on.set()


def test_only_so_many_values_are_kept(kitchen: Kitchen) -> None:
    kept: SingleFlightCache[int] = SingleFlightCache(max_entries=2, now=at)
    for key in "abc":
        kept.get(key, kitchen.make)
    assert kept.get("c", kitchen.make) == 3
    assert kept.get("a", kitchen.make) == 4
