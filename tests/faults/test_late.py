"""A database that is not there when the diners open, and is added later: empty, without tables."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.cluster import PLACES, Cluster, RealServers
from tests.faults.guests import guests_at_work
from tests.faults.promises import assert_answered_in_time, assert_promises_kept
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("missing", PLACES)
def test_diners_open_without_a_database_and_fill_it_when_it_comes(
    servers: RealServers, folder: Path, missing: str
) -> None:
    cluster = Cluster(servers, folder, proxied=True)
    cluster.add_diner("early")
    cluster.add_diner("late")
    cluster.set_proxy_mode(missing, FaultProxy.refuse)
    with cluster.run():
        opened = time.monotonic()
        with guests_at_work(cluster.diners) as guests:
            time.sleep(1)
            cluster.set_proxy_mode(missing, FaultProxy.pass_through)
            cluster.await_state(**{missing: "up"})
            time.sleep(0.4)
        cluster.await_settled()
        assert_promises_kept(cluster, guests.observations)
        assert_answered_in_time(guests.observations, opened)
