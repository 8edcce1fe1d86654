"""A Saturday night: everything that happens in a restaurant, while databases die at random."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import PLACES, Cluster, RealServers
from tests.faults.guests import RetryingClient, guests_at_work
from tests.faults.observations import Observations
from tests.faults.processes import wait_until
from tests.faults.promises import assert_promises_kept, database_violations
from tests.faults.raw_records import Record, read_postgres
from tests.faults.waiters import COUPON, Waiter

pytestmark = pytest.mark.faults

SECONDS = float(os.environ.get("SATURDAY_SECONDS", "60"))
SOME = 10
SEED = os.environ.get("SATURDAY_SEED", "21")
_BILLING: dict[str, Any] = {"TAX_RATE": "1900", "TAX_INCLUDED": "false", "SERVICE_CHARGE": "1250"}


@pytest.fixture
def busy_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    with Cluster(servers, folder, **_BILLING).run() as cluster:
        yield cluster


def test_a_saturday_night_loses_nothing_and_doubles_nothing(busy_cluster: Cluster) -> None:
    cluster, dice = busy_cluster, random.Random(SEED)
    over = time.monotonic() + SECONDS
    _issue_coupon(cluster)
    with guests_at_work(cluster.diners, guests=6, kind=Waiter) as guests:
        guests.observations.allows_stale_backup = True
        while time.monotonic() < over:
            time.sleep(dice.uniform(0.2, 1.0))
            _strike(cluster, dice)
        cluster.heal()
        cluster.await_state(postgresql="up", mongodb="up")
    cluster.await_settled()
    assert_promises_kept(cluster, guests.observations)


def _strike(cluster: Cluster, dice: random.Random) -> None:
    """One server, or one diner, at a time; sometimes the next one before it has caught up."""
    victim = dice.choice((*PLACES, *PLACES, "diner"))
    if victim == "diner":
        diner = dice.choice(cluster.diners)
        diner.kill9()
        diner.start()
        return
    server = cluster.servers.at(victim)
    match dice.choice(("kill", "freeze", "restart")):
        case "kill":
            server.kill9()
            time.sleep(dice.uniform(0.1, 2.0))
            server.start()
        case "freeze":
            server.freeze()
            time.sleep(dice.uniform(0.1, 3.0))
            server.thaw()
        case _:
            server.restart()
    if dice.random() < 0.7:
        cluster.await_state(**{victim: "up"})


def _issue_coupon(cluster: Cluster) -> None:
    manager = RetryingClient("manager", cluster.diners, Observations())
    body = {"code": COUPON, "percent": 1000, "max_uses": 1_000_000}
    issued = manager.call_until_answered("POST", "/coupons", body)[-1]
    assert issued.status == 201, issued
    manager.close()


def test_the_ledger_sees_a_wrong_charge_a_wrong_total_and_a_lost_ticket(
    busy_cluster: Cluster,
) -> None:
    _issue_coupon(busy_cluster)
    with guests_at_work(busy_cluster.diners, guests=2, kind=Waiter) as guests:
        wait_until(
            lambda: sum(one.acknowledged for one in guests.observations.charges) > SOME, "charges"
        )
    busy_cluster.await_settled()
    contents, book = read_postgres(busy_cluster), guests.observations
    assert not database_violations(contents, contents, book, ())
    paid = (
        order_id
        for order_id, order in contents.orders.items()
        if order["payment_status"] == "paid" and order["tickets"]
    )
    order_id = next(paid)
    for spoil, complaint in SPOILT.items():
        seen = deepcopy(contents)
        spoil(seen.orders[order_id])
        assert any(complaint in each for each in database_violations(seen, seen, book, ())), (
            complaint
        )


def _charge_twice(order: Record) -> None:
    order["payments"].append(order["payments"][0])


def _lose_payment(order: Record) -> None:
    del order["payments"][0]


def _add_a_cent(order: Record) -> None:
    order["total"] += 1


def _lose_ticket(order: Record) -> None:
    del order["tickets"][0]


def _fire_twice(order: Record) -> None:
    order["tickets"].append(order["tickets"][0])


def _sell_more(order: Record) -> None:
    order["lines"][0] |= {"counted": True, "quantity": 10_000}


SPOILT = {
    _charge_twice: "was charged 2 times",
    _lose_payment: "P1: charge",
    _add_a_cent: "money: order",
    _lose_ticket: "the kitchen was told of",
    _fire_twice: "has a ticket twice",
    _sell_more: "P10: stock",
}
