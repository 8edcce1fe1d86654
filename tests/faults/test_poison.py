"""A record that the other store cannot take stops only itself (P9)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import MONGODB, PLACES, POSTGRESQL, Cluster, RealServers
from tests.faults.guests import Guest, guests_at_work, new_order
from tests.faults.processes import ROOT, TAMPERED_APP, wait_until
from tests.faults.promises import assert_promises_kept

pytestmark = pytest.mark.faults

POISON = "the other store cannot take this"


@pytest.fixture(scope="module")
def hasty_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    with Cluster(servers, folder, app=TAMPERED_APP, TAMPER="haste").run() as cluster:
        yield cluster


@pytest.fixture
def cluster(hasty_cluster: Cluster) -> Iterator[Cluster]:
    yield from hasty_cluster.ready()


@pytest.mark.parametrize("refuser", PLACES)
def test_a_record_the_other_store_cannot_take_is_parked_and_stops_only_itself(
    cluster: Cluster, refuser: str
) -> None:
    _refuse_poison[refuser](cluster)
    with guests_at_work(cluster.diners) as guests:
        waiter = Guest(f"poisoner-{refuser}", cluster.diners, guests.observations)
        waiter.prepare()
        record_id = _swallow_poison[refuser](waiter)
        wait_until(lambda: _parked(cluster, refuser) == [1, 1], "the parking", cluster.explain)
        shown = _command(cluster, "parked")
        assert shown.returncode == 1
        assert record_id[:13] in shown.stdout.replace("\n", "")
    # The others were delivered meanwhile, and the store is used as ever.
    cluster.await_state(postgresql="up", mongodb="up")
    wait_until(
        lambda: cluster.outbox_sizes() == 1, "all but the poison to be shipped", cluster.explain
    )
    _take_poison[refuser](cluster)
    assert _command(cluster, "parked", "--retry").returncode == 0
    cluster.await_settled()
    waiter.close()
    assert_promises_kept(cluster, guests.observations)


def _refuse_in_postgres(cluster: Cluster) -> None:
    with cluster.postgres() as connection:
        connection.execute(
            "ALTER TABLE menu_items ADD CONSTRAINT no_poison"
            f" CHECK (content ->> 'description' <> '{POISON}')"
        )


def _take_in_postgres(cluster: Cluster) -> None:
    with cluster.postgres() as connection:
        connection.execute("ALTER TABLE menu_items DROP CONSTRAINT no_poison")


def _refuse_in_mongo(cluster: Cluster) -> None:
    with cluster.mongo() as database:
        database.command("collMod", "orders", validator={"notes": {"$ne": POISON}})


def _take_in_mongo(cluster: Cluster) -> None:
    with cluster.mongo() as database:
        database.command("collMod", "orders", validator={})


def _add_poisoned_dish(guest: Guest) -> str:
    dish = guest.new_dish("poison", 100, description=POISON)
    return _created(guest, "/menu/items", dish)


def _place_poisoned_order(guest: Guest) -> str:
    items = [{"item_id": guest.dish.id, "quantity": 1}]
    return _created(guest, "/orders", new_order(f"{guest.name}-poison", items, notes=POISON))


def _created(guest: Guest, path: str, body: object) -> str:
    answer = guest.call_until_answered("POST", path, body)[-1]
    assert answer.status == 201, answer
    record_id: str = answer.body["id"]
    return record_id


_Step = Callable[[Cluster], None]
_refuse_poison: dict[str, _Step] = {POSTGRESQL: _refuse_in_postgres, MONGODB: _refuse_in_mongo}
_take_poison: dict[str, _Step] = {POSTGRESQL: _take_in_postgres, MONGODB: _take_in_mongo}
_swallow_poison = {POSTGRESQL: _add_poisoned_dish, MONGODB: _place_poisoned_order}


def _parked(cluster: Cluster, place: str) -> list[int]:
    """What each diner says is parked for the place."""
    return [
        one["parked"]
        for diner in cluster.diners
        for one in diner.connections()
        if one["name"] == place
    ]


def _command(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **cluster.environment_of("command"), "COLUMNS": "300"}
    return subprocess.run(
        [sys.executable, "-m", "dinerapp", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
