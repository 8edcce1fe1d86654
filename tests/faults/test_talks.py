"""Two people talk while a database dies or freezes: afterwards both were told everything once, in
one order, and both databases hold the same."""

from __future__ import annotations

import time

import pytest

from tests.faults.chats import chat_at_work
from tests.faults.cluster import PLACES, Cluster
from tests.faults.promises import store_differences
from tests.faults.raw_records import read_mongo, read_postgres

pytestmark = pytest.mark.faults

BEFORE, DURING, FROZEN, AFTER = 0.8, 1.5, 2.5, 0.8


@pytest.mark.parametrize("victim", PLACES)
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_conversation_outlasts_a_database(cluster: Cluster, victim: str, how: str) -> None:
    server = cluster.servers.at(victim)
    with chat_at_work(cluster) as talking:
        time.sleep(BEFORE)
        if how == "killed":
            server.kill9()
            time.sleep(DURING)
            server.start()
        else:
            server.freeze()
            time.sleep(FROZEN)
            server.thaw()
        cluster.await_state(**{victim: "up"})
        time.sleep(AFTER)
    cluster.await_settled()
    wrong = [
        *talking.find_violations(),
        *store_differences(read_postgres(cluster), read_mongo(cluster)),
    ]
    talking.close()
    cluster.spoilt = cluster.spoilt or bool(wrong)
    listed = "\n".join(wrong[:12])
    assert not wrong, f"{len(wrong)} promises were broken:\n{listed}\n{cluster.explain()}"
    assert all(len(talker.messages) > 10 for talker in talking.talkers)
