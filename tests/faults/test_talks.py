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
def test_a_conversation_outlasts_a_database(house: Cluster, victim: str, how: str) -> None:
    server = house.servers.at(victim)
    with chat_at_work(house) as talking:
        time.sleep(BEFORE)
        if how == "killed":
            server.kill9()
            time.sleep(DURING)
            server.start()
        else:
            server.freeze()
            time.sleep(FROZEN)
            server.thaw()
        house.await_state(**{victim: "up"})
        time.sleep(AFTER)
    house.await_settled()
    wrong = [
        *talking.find_violations(),
        *store_differences(read_postgres(house), read_mongo(house)),
    ]
    talking.close()
    house.spoilt = house.spoilt or bool(wrong)
    listed = "\n".join(wrong[:12])
    assert not wrong, f"{len(wrong)} promises were broken:\n{listed}\n{house.explain()}"
    assert all(len(talker.messages) > 10 for talker in talking.talkers)
