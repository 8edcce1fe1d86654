"""The scenarios notice: with a bug planted in the diners, the ledger complains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.cluster import POSTGRESQL, Cluster, RealServers
from tests.faults.guests import Guest, guests_at_work
from tests.faults.observations import FAILOVER_GRACE_SECONDS, Observations
from tests.faults.processes import TAMPERED_APP
from tests.faults.promises import find_violations

pytestmark = pytest.mark.faults


def test_debts_that_nobody_notes_are_seen_as_loss(servers: RealServers, folder: Path) -> None:
    with Cluster(servers, folder, app=TAMPERED_APP, TAMPER="bug=forgets-debts").run() as house:
        with guests_at_work(house.diners) as guests:
            servers.mongodb.kill9()
            time.sleep(0.5)
            servers.mongodb.start()
            house.await_state(mongodb="up")
        found = find_violations(house, guests.observations)
    assert any(each.startswith("P1:") and "not in MongoDB" in each for each in found)


def test_ids_that_do_not_come_from_the_key_are_seen_as_doubling(
    servers: RealServers, folder: Path
) -> None:
    with Cluster(servers, folder, app=TAMPERED_APP, TAMPER="bug=makes-ids-anew").run() as house:
        with guests_at_work(house.diners) as guests:
            time.sleep(0.5)
        house.await_settled()
        found = find_violations(house, guests.observations)
    assert any(each.startswith("P3:") for each in found)


def test_a_store_that_is_up_too_early_is_seen_as_a_stale_primary(
    servers: RealServers, folder: Path
) -> None:
    house = Cluster(
        servers, folder, app=TAMPERED_APP, TAMPER="bug=sees-nothing-owed", RELAY_IN_WORKERS="false"
    )
    with house.run():
        house.await_settled()
        book = Observations()
        guest = Guest("early", house.diners, book)
        guest.prepare()
        servers.mongodb.kill9()
        guest.reprice()
        house.await_state(mongodb="down")
        time.sleep(FAILOVER_GRACE_SECONDS)
        servers.mongodb.start()
        house.await_state(mongodb="up")
        guest.check_dish(guest.dish)
        guest.close()
        found = book.staleness(house.losses(), ())
    assert any("mongodb as primary" in each for each in found)


def test_a_lost_answer_that_is_taken_for_a_refusal_is_seen_as_half_done(
    servers: RealServers, folder: Path
) -> None:
    house = Cluster(
        servers, folder, proxied=True, app=TAMPERED_APP, TAMPER="bug=takes-perhaps-for-no"
    )
    with house.run():
        with guests_at_work(house.diners, counted=False) as guests:
            hasty = Guest("hasty", house.diners, guests.observations)
            hasty.prepare()
            order = hasty.place(marker="unheard-")
            house.await_state(postgresql="up", mongodb="up")
            house.set_proxy_mode(
                POSTGRESQL, lambda p: p.swallow_replies_when(lambda r: b"unheard-" in r)
            )
            hasty.move(order, "confirmed")
            hasty.close()
            house.heal()
        house.await_settled()
        found = find_violations(house, guests.observations)
    assert any("is confirmed, acknowledged was pending" in each for each in found)
