"""Tables are reserved while a database dies: nobody loses one, and none is given away twice."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from dinerapp.reservations.model import OVER
from tests.faults.cluster import PLACES, Cluster
from tests.faults.guests import LAST_TRIES_SECONDS, RetryingClient
from tests.faults.observations import Observations
from tests.faults.processes import DinerProcess
from tests.faults.promises import store_differences
from tests.faults.raw_records import DatabaseContents, read_mongo, read_postgres

pytestmark = pytest.mark.faults

BEFORE, DURING, AFTER = 0.6, 1.2, 0.5
TABLE_COUNT, HOST_COUNT = 3, 4
FIRST = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)


class Host(RetryingClient):
    """Reserves for one party after the other, whether or not there is a table; cancels some."""

    def __init__(self, name: str, diners: Sequence[DinerProcess], book: Observations) -> None:
        super().__init__(name, diners, book)
        self.kept: dict[str, str] = {}
        self.working = True

    def run(self) -> None:
        while self.working:
            self.reserve()
            time.sleep(0.02)

    def reserve(self) -> None:
        key = self.new_key()
        starts_at = FIRST + self.rng.randrange(96) * timedelta(minutes=30)
        body = {"phone": "+49 30 1234567", "party_size": 2, "starts_at": starts_at.isoformat()}
        answer = self.call_until_answered("POST", "/reservations", {**body, "name": key}, key)[-1]
        if answer.status == 201:
            self.kept[key] = answer.body["id"]
        elif answer.is_answer and answer.status != 409:
            self.observations.violations.append(f"was not reserved: {answer}")
        if answer.status == 201 and self.rng.random() < 0.2:
            path = f"/reservations/{answer.body['id']}"
            self.call_until_answered("PATCH", path, {"status": "cancelled"})


def lay_tables(host: Host) -> None:
    area = host.call_until_answered("POST", "/areas", {"name": host.new_key()})[-1].body["id"]
    for _ in range(TABLE_COUNT):
        body = {"name": host.new_key(), "area_id": area, "seats": 4}
        assert host.call_until_answered("POST", "/tables", body)[-1].status == 201


def doubled(contents: DatabaseContents) -> set[frozenset[str]]:
    """Each two reservations that have one table at one time."""
    by_table: dict[str, list[Any]] = defaultdict(list)
    for record_id, record in contents.kinds["reservations"].items():
        if record["status"] not in OVER:
            by_table[record["table_id"]].append((record["starts_at"], record["ends_at"], record_id))
    return {
        frozenset((one[2], other[2]))
        for taken in by_table.values()
        for one in taken
        for other in taken
        if one[2] < other[2] and one[0] < other[1] and other[0] < one[1]
    }


@pytest.mark.parametrize("victim", PLACES)
def test_a_database_that_is_killed_loses_no_reservation_and_gives_no_table_twice(
    cluster: Cluster, victim: str
) -> None:
    book = Observations()
    hosts = [Host(f"host-{number}", cluster.diners, book) for number in range(HOST_COUNT)]
    lay_tables(hosts[0])
    threads = [Thread(target=host.run) for host in hosts]
    for thread in threads:
        thread.start()
    time.sleep(BEFORE)
    cluster.servers.at(victim).kill9()
    time.sleep(DURING)
    cluster.servers.at(victim).start()
    cluster.await_state(**{victim: "up"})
    time.sleep(AFTER)
    for host in hosts:
        host.working, host.gives_up_at = False, time.monotonic() + LAST_TRIES_SECONDS
    for thread in threads:
        thread.join()
    cluster.await_settled()
    for host in hosts:
        host.close()
    contents = read_postgres(cluster), read_mongo(cluster)
    told = {
        frozenset((each["winner"]["id"], each["loser"]["id"]))
        for each in contents[0].kinds["conflicts"].values()
        if each["about"] == "reservations"
    }
    kept = {key: record_id for host in hosts for key, record_id in host.kept.items()}
    assert len(kept) > 10
    assert book.violations == []
    assert book.unanswered == []
    assert [*store_differences(*contents)] == []
    for each in contents:
        stored = each.kinds["reservations"]
        assert {stored[record_id]["name"] for record_id in kept.values()} == {*kept}
        names = [record["name"] for record in stored.values()]
        assert len(names) == len({*names})
        assert doubled(each) <= told
