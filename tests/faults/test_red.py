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
    with Cluster(servers, folder, app=TAMPERED_APP, TAMPER="bug=forgets-debts").run() as cluster:
        with guests_at_work(cluster.diners) as guests:
            servers.mongodb.kill9()
            time.sleep(0.5)
            servers.mongodb.start()
            cluster.await_state(mongodb="up")
        found = find_violations(cluster, guests.observations)
    assert any(each.startswith("P1:") and "not in MongoDB" in each for each in found)


def test_ids_that_do_not_come_from_the_key_are_seen_as_doubling(
    servers: RealServers, folder: Path
) -> None:
    with Cluster(servers, folder, app=TAMPERED_APP, TAMPER="bug=makes-ids-anew").run() as cluster:
        with guests_at_work(cluster.diners) as guests:
            time.sleep(0.5)
        cluster.await_settled()
        found = find_violations(cluster, guests.observations)
    assert any(each.startswith("P3:") for each in found)


def test_a_store_that_is_up_too_early_is_seen_as_a_stale_primary(
    servers: RealServers, folder: Path
) -> None:
    cluster = Cluster(
        servers, folder, app=TAMPERED_APP, TAMPER="bug=sees-nothing-owed", RELAY_IN_WORKERS="false"
    )
    with cluster.run():
        cluster.await_settled()
        book = Observations()
        guest = Guest("early", cluster.diners, book)
        guest.prepare()
        servers.mongodb.kill9()
        guest.reprice()
        cluster.await_state(mongodb="down")
        time.sleep(FAILOVER_GRACE_SECONDS)
        servers.mongodb.start()
        cluster.await_state(mongodb="up")
        guest.check_dish(guest.dish)
        guest.close()
        found = book.staleness(cluster.losses(), ())
    assert any("mongodb as primary" in each for each in found)


def test_a_lost_answer_that_is_taken_for_a_refusal_is_seen_as_half_done(
    servers: RealServers, folder: Path
) -> None:
    cluster = Cluster(
        servers, folder, proxied=True, app=TAMPERED_APP, TAMPER="bug=takes-perhaps-for-no"
    )
    with cluster.run():
        with guests_at_work(cluster.diners, counted=False) as guests:
            hasty = Guest("hasty", cluster.diners, guests.observations)
            hasty.prepare()
            order = hasty.place(marker="unheard-")
            cluster.await_state(postgresql="up", mongodb="up")
            cluster.set_proxy_mode(
                POSTGRESQL, lambda p: p.swallow_replies_when(lambda r: b"unheard-" in r)
            )
            hasty.move(order, "confirmed")
            hasty.close()
            cluster.heal()
        cluster.await_settled()
        found = find_violations(cluster, guests.observations)
    assert any("is confirmed, acknowledged was pending" in each for each in found)
