"""A database server dies, freezes or is restarted in the middle of a stream of writes."""

from __future__ import annotations

import time

import pytest

from tests.faults.cluster import PLACES, Cluster, other
from tests.faults.guests import Guest, guests_at_work
from tests.faults.promises import assert_answered_in_time, assert_fast, assert_promises_kept

pytestmark = pytest.mark.faults

BEFORE, DURING, AFTER = 0.6, 1.2, 0.4
FROZEN = 2.5
"""Longer than it takes every process to hear of it: see docs/decisions."""


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_is_killed_loses_and_doubles_nothing(cluster: Cluster, victim: str) -> None:
    with guests_at_work(cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        cluster.servers.at(victim).kill9()
        time.sleep(DURING)
        cluster.servers.at(victim).start()
        cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_freezes_loses_and_doubles_nothing(cluster: Cluster, victim: str) -> None:
    with guests_at_work(cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        cluster.servers.at(victim).freeze()
        time.sleep(FROZEN)
        cluster.servers.at(victim).thaw()
        cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_is_restarted_loses_and_doubles_nothing(
    cluster: Cluster, victim: str
) -> None:
    with guests_at_work(cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        cluster.servers.at(victim).restart()
        cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("first", PLACES)
def test_databases_that_take_turns_in_dying_lose_and_double_nothing(
    cluster: Cluster, first: str
) -> None:
    with guests_at_work(cluster.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        for victim in (first, other(first)):
            cluster.servers.at(victim).kill9()
            time.sleep(BEFORE)
            cluster.servers.at(victim).start()
            cluster.await_state(**{victim: "up"})
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("first", PLACES)
def test_with_both_databases_down_everybody_is_told_so_at_once_and_nothing_is_lost(
    cluster: Cluster, first: str
) -> None:
    """The first one comes back alone, without what only the second one knows."""
    with guests_at_work(cluster.diners) as guests:
        guests.observations.allows_stale_backup = True
        time.sleep(BEFORE)
        hurt = time.monotonic()
        cluster.servers.at(first).kill9()
        time.sleep(BEFORE)
        cluster.servers.at(other(first)).kill9()
        dark = time.monotonic()
        time.sleep(BEFORE)
        cluster.servers.at(first).start()
        time.sleep(DURING)
        cluster.servers.at(other(first)).start()
        cluster.await_state(postgresql="up", mongodb="up")
        time.sleep(AFTER)
    cluster.await_settled()
    refused = [call for call in guests.observations.trip(dark) if call.status]
    assert {call.status for call in refused} == {503}
    assert all(call.retry_after for call in refused)
    assert_promises_kept(cluster, guests.observations)
    assert_fast(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_what_was_deleted_during_an_outage_stays_deleted(cluster: Cluster, victim: str) -> None:
    with guests_at_work(cluster.diners) as guests:
        manager = Guest("manager" + victim, cluster.diners, guests.observations)
        manager.prepare()
        dishes = [manager.add_dish(f"passing{number}") for number in range(20)]
        for dish in dishes:
            manager.dish = dish
            manager.reprice()
        cluster.servers.at(victim).freeze()
        for dish in dishes:
            manager.dish = dish
            manager.reprice()
            manager.remove(dish)
        cluster.servers.at(victim).thaw()
        for dish in dishes:
            manager.check_dish(dish)
        cluster.await_state(**{victim: "up"})
        for dish in dishes:
            manager.check_dish(dish)
        manager.close()
    cluster.await_settled()
    assert all(dish.deleted for dish in dishes)
    assert_promises_kept(cluster, guests.observations)
