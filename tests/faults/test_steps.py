"""The application is killed with SIGKILL between any two steps of a write, or of a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.cluster import MONGODB, PLACES, POSTGRESQL, Cluster, RealServers, other
from tests.faults.guests import guests_at_work
from tests.faults.processes import TAMPERED_APP, DinerProcess, wait_until
from tests.faults.promises import assert_promises_kept
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.faults

KINDS = {POSTGRESQL: "orders", MONGODB: "menu_items"}
"""What each place accepts while both are up."""

TELLING = {POSTGRESQL: b"fulfilment", MONGODB: b"allergens"}
"""What stands in every delivery of such a record, whatever protocol it travels by."""

MIDDLE = "mongodb.transaction"
SOME = 20


@pytest.fixture(scope="module")
def doomed_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    with Cluster(servers, folder, proxied=True, app=TAMPERED_APP).run() as cluster:
        yield cluster


@pytest.fixture
def cluster(doomed_cluster: Cluster) -> Iterator[Cluster]:
    yield from doomed_cluster.ready()


@pytest.mark.parametrize("place", PLACES)
def test_killed_between_any_two_steps_of_a_write_it_loses_and_doubles_nothing(
    cluster: Cluster, place: str
) -> None:
    own, others = f"{place}.{KINDS[place]}", f"{other(place)}.{KINDS[place]}"
    ends = [
        f"{own}.accept.before",
        f"{own}.accept.after",
        f"{others}.deliver.before",
        f"{others}.deliver.after",
        f"{own}.acknowledge.before",
        f"{own}.acknowledge.after",
    ]
    with guests_at_work(cluster.diners) as guests:
        for end in ends:
            _die_at(cluster.diners[0], end)
        cluster.diners[0].start()
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)


@pytest.mark.parametrize("place", PLACES)
def test_killed_while_the_other_database_is_away_it_loses_and_doubles_nothing(
    cluster: Cluster, place: str
) -> None:
    own, others = f"{place}.{KINDS[place]}", f"{other(place)}.{KINDS[place]}"
    claimed = f"{own}.claim.after"
    doomed, sound = cluster.diners
    with guests_at_work(cluster.diners) as guests:
        for end in (f"{own}.mark_undelivered.before", f"{own}.mark_undelivered.after"):
            doomed.kill9()
            doomed.start(TAMPER=f"haste die={end}")
            cluster.await_state(postgresql="up", mongodb="up")
            cluster.set_proxy_mode(other(place), partial(_lose_deliveries, TELLING[place]))
            doomed.await_end()
            cluster.set_proxy_mode(other(place), FaultProxy.pass_through)
        for end in (
            claimed,
            f"{claimed},{others}.deliver.after",
            f"{claimed},{own}.acknowledge.before",
        ):
            cluster.set_proxy_mode(other(place), FaultProxy.refuse)
            wait_until(lambda: cluster.outbox_sizes() > SOME, "debts", cluster.explain)
            doomed.spawn(TAMPER=f"haste die={end}")
            # The sound one must leave it something to claim.
            sound.freeze()
            cluster.set_proxy_mode(other(place), FaultProxy.pass_through)
            doomed.await_end()
            sound.thaw()
        doomed.start()
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)


@pytest.mark.parametrize("step", ["accept", "deliver"])
def test_killed_in_the_middle_of_a_transaction_it_holds_nobody_up(
    cluster: Cluster, step: str
) -> None:
    """MongoDB would keep its documents from the others for a minute and a half."""
    doomed = cluster.diners[0]
    with guests_at_work(cluster.diners) as guests:
        if step == "accept":
            cluster.set_proxy_mode(POSTGRESQL, FaultProxy.refuse)
        _die_at(doomed, f"mongodb.orders.{step}.before,{MIDDLE}")
        cluster.set_proxy_mode(POSTGRESQL, FaultProxy.pass_through)
        doomed.start()
        cluster.await_state(postgresql="up", mongodb="up")
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)


def _lose_deliveries(word: bytes, proxy: FaultProxy) -> None:
    proxy.swallow_replies_when(lambda request: word in request)


def _die_at(diner: DinerProcess, end: str) -> None:
    diner.kill9()
    # It may get there before it answers anybody.
    diner.spawn(TAMPER=f"die={end}")
    diner.await_end()
