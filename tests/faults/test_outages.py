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
def test_a_database_that_is_killed_loses_and_doubles_nothing(house: Cluster, victim: str) -> None:
    with guests_at_work(house.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        house.servers.at(victim).kill9()
        time.sleep(DURING)
        house.servers.at(victim).start()
        house.await_state(**{victim: "up"})
        time.sleep(AFTER)
    house.await_settled()
    assert_promises_kept(house, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_freezes_loses_and_doubles_nothing(house: Cluster, victim: str) -> None:
    with guests_at_work(house.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        house.servers.at(victim).freeze()
        time.sleep(FROZEN)
        house.servers.at(victim).thaw()
        house.await_state(**{victim: "up"})
        time.sleep(AFTER)
    house.await_settled()
    assert_promises_kept(house, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_is_restarted_loses_and_doubles_nothing(
    house: Cluster, victim: str
) -> None:
    with guests_at_work(house.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        house.servers.at(victim).restart()
        house.await_state(**{victim: "up"})
        time.sleep(AFTER)
    house.await_settled()
    assert_promises_kept(house, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("first", PLACES)
def test_databases_that_take_turns_in_dying_lose_and_double_nothing(
    house: Cluster, first: str
) -> None:
    with guests_at_work(house.diners) as guests:
        time.sleep(BEFORE)
        hurt = time.monotonic()
        for victim in (first, other(first)):
            house.servers.at(victim).kill9()
            time.sleep(BEFORE)
            house.servers.at(victim).start()
            house.await_state(**{victim: "up"})
    house.await_settled()
    assert_promises_kept(house, guests.observations)
    assert_answered_in_time(guests.observations, hurt)


@pytest.mark.parametrize("first", PLACES)
def test_with_both_databases_down_everybody_is_told_so_at_once_and_nothing_is_lost(
    house: Cluster, first: str
) -> None:
    """The first one comes back alone, without what only the second one knows."""
    with guests_at_work(house.diners) as guests:
        guests.observations.allows_stale_backup = True
        time.sleep(BEFORE)
        hurt = time.monotonic()
        house.servers.at(first).kill9()
        time.sleep(BEFORE)
        house.servers.at(other(first)).kill9()
        dark = time.monotonic()
        time.sleep(BEFORE)
        house.servers.at(first).start()
        time.sleep(DURING)
        house.servers.at(other(first)).start()
        house.await_state(postgresql="up", mongodb="up")
        time.sleep(AFTER)
    house.await_settled()
    refused = [call for call in guests.observations.trip(dark) if call.status]
    assert {call.status for call in refused} == {503}
    assert all(call.retry_after for call in refused)
    assert_promises_kept(house, guests.observations)
    assert_fast(guests.observations, hurt)


@pytest.mark.parametrize("victim", PLACES)
def test_what_was_deleted_during_an_outage_stays_deleted(house: Cluster, victim: str) -> None:
    with guests_at_work(house.diners) as guests:
        manager = Guest("manager" + victim, house.diners, guests.observations)
        manager.prepare()
        dishes = [manager.add_dish(f"passing{number}") for number in range(20)]
        for dish in dishes:
            manager.dish = dish
            manager.reprice()
        house.servers.at(victim).freeze()
        for dish in dishes:
            manager.dish = dish
            manager.reprice()
            manager.remove(dish)
        house.servers.at(victim).thaw()
        for dish in dishes:
            manager.check_dish(dish)
        house.await_state(**{victim: "up"})
        for dish in dishes:
            manager.check_dish(dish)
        manager.close()
    house.await_settled()
    assert all(dish.deleted for dish in dishes)
    assert_promises_kept(house, guests.observations)
