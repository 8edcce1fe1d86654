"""Relays of their own, beside diners that have none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import MONGODB, PLACES, POSTGRESQL, Cluster, RealServers, other
from tests.faults.guests import guests_at_work
from tests.faults.promises import assert_promises_kept

pytestmark = pytest.mark.faults

MODULE = "tests.faults.tampering"


@pytest.fixture(scope="module")
def quiet_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    with Cluster(servers, folder, RELAY_IN_WORKERS="false").run() as cluster:
        yield cluster


@pytest.fixture
def cluster(quiet_cluster: Cluster) -> Iterator[Cluster]:
    yield from quiet_cluster.ready(relayed=False)


@pytest.mark.parametrize("victim", PLACES)
def test_relays_that_are_killed_in_mid_batch_leave_the_rest_to_two_others(
    cluster: Cluster, victim: str
) -> None:
    claimed = f"{other(victim)}.orders.claim.after"
    delivered = f"{claimed},{victim}.orders.deliver.after"
    with guests_at_work(cluster.diners) as guests:
        time.sleep(0.5)
        cluster.servers.at(victim).kill9()
        time.sleep(1)
        doomed = [
            cluster.add_relay(f"doomed{number}", MODULE, TAMPER=f"haste die={end}")
            for number, end in enumerate((claimed, delivered))
        ]
        for relay in doomed:
            relay.spawn()
        # Diners would ship it all themselves, as soon as the database is back.
        for diner in cluster.diners:
            diner.freeze()
        cluster.servers.at(victim).start()
        for relay in doomed:
            relay.await_end()
        heirs = [cluster.add_relay(f"heir{number}", MODULE, TAMPER="haste") for number in range(2)]
        for relay in heirs:
            relay.spawn()
        for diner in cluster.diners:
            diner.thaw()
        cluster.await_state(**{victim: "up"})
        time.sleep(0.5)
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)


def test_two_relays_share_what_two_databases_owe_each_other(cluster: Cluster) -> None:
    relays = [cluster.add_relay(f"relay{number}", MODULE, TAMPER="haste") for number in range(2)]
    for relay in relays:
        relay.spawn()
    with guests_at_work(cluster.diners) as guests:
        for victim in (MONGODB, POSTGRESQL):
            time.sleep(0.4)
            cluster.servers.at(victim).kill9()
            time.sleep(0.6)
            cluster.servers.at(victim).start()
            cluster.await_state(**{victim: "up"})
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)
