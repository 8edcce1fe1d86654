"""The databases are well, but what is between them and the diners is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.cluster import MONGODB, PLACES, POSTGRESQL, Cluster, other
from tests.faults.guests import Guest, GuestCrowd, guests_at_work
from tests.faults.promises import assert_answered_in_time, assert_fast, assert_promises_kept
from tests.faults.raw_records import read_postgres
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.faults

BEFORE, DURING, AFTER = 0.6, 1.5, 0.4
SLOW = 2.0
MARKS = {"orders": b"unheard-order-", "menu_items": b"unheard-dish-"}
ACCEPTED_BY = {POSTGRESQL: "orders", MONGODB: "menu_items"}


@pytest.mark.parametrize("victim", PLACES)
def test_refused_connections_lose_and_double_nothing(wired_cluster: Cluster, victim: str) -> None:
    with guests_at_work(wired_cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        wired_cluster.set_proxy_mode(victim, FaultProxy.refuse)
        time.sleep(DURING)
        wired_cluster.set_proxy_mode(victim, FaultProxy.pass_through)
        wired_cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    wired_cluster.await_settled()
    assert_promises_kept(wired_cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_takes_two_seconds_is_left_until_it_is_quick_again(
    wired_cluster: Cluster, victim: str
) -> None:
    with guests_at_work(wired_cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        wired_cluster.set_proxy_mode(victim, lambda proxy: proxy.delay(SLOW))
        time.sleep(2 * DURING)
        assert not any(diner.sees(**{victim: "up"}) for diner in wired_cluster.diners)
        wired_cluster.set_proxy_mode(victim, FaultProxy.pass_through)
        wired_cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    wired_cluster.await_settled()
    assert_promises_kept(wired_cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_an_answer_that_is_lost_after_the_commit_makes_nothing_twice(
    wired_cluster: Cluster, victim: str
) -> None:
    """The same write is tried on the other database, and later the two meet."""
    taken, delivered = ACCEPTED_BY[victim], ACCEPTED_BY[other(victim)]
    with guests_at_work(wired_cluster.diners) as guests:
        for kind in (taken, delivered):
            _lose_answers(wired_cluster, victim, partial(_asks_for, MARKS[kind]))
            _work_unheard(wired_cluster, guests, DURING)
        wired_cluster.heal()
        wired_cluster.await_state(**{victim: "up"})
    wired_cluster.await_settled()
    assert_promises_kept(wired_cluster, guests.observations)
    records = read_postgres(wired_cluster).kinds[taken].values()
    assert any(_was_taken_twice(each) for each in records), "nothing was tried on both databases"
    assert_fast(guests.observations, 0)


def test_a_commit_of_a_transaction_that_is_not_heard_of_counts_once(wired_cluster: Cluster) -> None:
    with guests_at_work(wired_cluster.diners) as guests:
        guests.observations.allows_stale_backup = True
        heard = wired_cluster.replies_swallowed(MONGODB)
        _lose_answers(wired_cluster, MONGODB, lambda request: b"commitTransaction" in request)
        time.sleep(DURING)
        wired_cluster.set_proxy_mode(POSTGRESQL, FaultProxy.refuse)
        time.sleep(DURING)
        wired_cluster.heal()
        wired_cluster.await_state(postgresql="up", mongodb="up")
    wired_cluster.await_settled()
    assert wired_cluster.replies_swallowed(MONGODB) > heard
    assert_promises_kept(wired_cluster, guests.observations)


@pytest.mark.parametrize("victim", PLACES)
def test_two_diners_that_disagree_about_who_is_up_lose_and_double_nothing(
    wired_cluster: Cluster, victim: str
) -> None:
    with guests_at_work(wired_cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        first, second = wired_cluster.diners
        proxy = wired_cluster.proxies[first.name, victim]
        proxy.refuse()
        wired_cluster.await_state(first, **{victim: "down"})
        wired_cluster.await_state(second, **{victim: "catching_up"})
        time.sleep(DURING)
        proxy.pass_through()
        wired_cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    wired_cluster.await_settled()
    assert_promises_kept(wired_cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


def _asks_for(mark: bytes, request: bytes) -> bool:
    return mark in request


def _lose_answers(cluster: Cluster, victim: str, matches: Callable[[bytes], bool]) -> None:
    cluster.set_proxy_mode(victim, lambda proxy: proxy.swallow_replies_when(matches))


def _work_unheard(cluster: Cluster, guests: GuestCrowd, seconds: float) -> None:
    """Orders and dishes that carry the marks by which the proxies know them."""
    ends = time.monotonic() + seconds
    unheard = Guest(f"quiet-{time.monotonic_ns()}", cluster.diners, guests.observations)
    unheard.prepare()
    while time.monotonic() < ends:
        order = unheard.place(marker=MARKS["orders"].decode())
        unheard.check_order(order)
        unheard.move(order, "confirmed")
        unheard.check_dish(unheard.add_dish(f"{MARKS['menu_items'].decode()}{order.key}"))
    unheard.close()


def _was_taken_twice(record: dict[str, object]) -> bool:
    """Whether one operation is in the trail with the counters of both places."""
    trail = record["trail"]
    assert isinstance(trail, list)
    places: dict[str, set[str]] = {}
    for place, _, op_id in trail:
        places.setdefault(op_id, set()).add(place)
    return any(len(each) > 1 for each in places.values())
