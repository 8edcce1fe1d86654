"""What follows from a write happens, though whoever wrote is killed right after the commit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.cluster import MONGODB, PLACES, POSTGRESQL, Cluster, RealServers
from tests.faults.guests import RetryingClient, new_order
from tests.faults.observations import Observations
from tests.faults.processes import TAMPERED_APP, DinerProcess, wait_until
from tests.servers.receiver import WebhookReceiver, running_receiver

pytestmark = pytest.mark.faults

MOMENT = 2.0
ACCEPTED = f"{POSTGRESQL}.orders.accept.after"
MADE = f"{POSTGRESQL}.deliveries.accept.after"
NOTED = f"{POSTGRESQL}.deliveries.accept.before"
ENDS = {
    "before the other store has it": ACCEPTED,
    "when the delivery is made": MADE,
    "when the delivery is claimed": f"{MADE},{MADE}",
    "when it was sent, before that is noted": f"{MADE},{MADE},{NOTED}",
}


@pytest.fixture(scope="module")
def telling_cluster(servers: RealServers, folder: Path) -> Iterator[Cluster]:
    told: dict[str, Any] = {"WEBHOOK_PRIVATE_ADDRESSES": "true", "WEBHOOK_TIMEOUT": "1"}
    waits: dict[str, Any] = {"WEBHOOK_FIRST_WAIT": "0.2", "WEBHOOK_TRIES": "20"}
    with Cluster(servers, folder, app=TAMPERED_APP, **told, **waits).run() as cluster:
        yield cluster


@pytest.fixture
def cluster(telling_cluster: Cluster) -> Iterator[Cluster]:
    yield from telling_cluster.ready()


@pytest.fixture
def told(cluster: Cluster) -> Iterator[Told]:
    with running_receiver() as receiver:
        told = Told(cluster, receiver)
        cluster.await_settled()
        yield told
        told.close()


class Told:
    """Somebody who set up a webhook, orders, and looks what the receiver has heard."""

    def __init__(self, cluster: Cluster, receiver: WebhookReceiver) -> None:
        self.cluster = cluster
        self.receiver = receiver
        self.staff = RetryingClient(f"staff-{uuid4().hex}", cluster.diners, Observations())
        self.dish = self._create("/menu/items", self._new_dish())
        self.hook = self._create("/webhooks", {"url": receiver.url})

    def order(self, diner: DinerProcess) -> tuple[str, dict[str, Any]]:
        """Asks once; the diner may not live to answer. The key and the body, to ask again."""
        line = next(line for line in self.staff.connections if line.diner is diner)
        line.close()
        key, body = uuid4().hex, new_order("Ada", [{"item_id": self.dish["id"], "quantity": 1}])
        line.fetch("POST", "/orders", body, key)
        return key, body

    def heard(self) -> Counter[tuple[str, str]]:
        """How often each delivery has arrived, and what it is about."""
        return Counter(
            (headers["X-Diner-Delivery"], headers["X-Diner-Event"])
            for headers, _ in self.receiver.requests
        )

    def is_delivered(self) -> bool:
        path = f"/webhooks/{self.hook['id']}/deliveries?state=delivered"
        return len(self.staff.call_until_answered("GET", path)[-1].body["items"]) == 1

    def close(self) -> None:
        self.staff.call_until_answered("DELETE", f"/webhooks/{self.hook['id']}")
        self.staff.close()

    def _new_dish(self) -> dict[str, Any]:
        name = f"dish-{uuid4().hex}"
        category = self._create("/menu/categories", {"slug": name, "name": "Mains"})
        return {"slug": name, "name": name, "category_id": category["id"], "price": 850}

    def _create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        call = self.staff.call_until_answered("POST", path, body)[-1]
        assert call.status == 201, call
        found: dict[str, Any] = call.body
        return found


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_order_whose_process_was_killed_is_told_under_one_id(
    cluster: Cluster, told: Told, end: str
) -> None:
    doomed, other = cluster.diners
    other.kill9()
    doomed.kill9()
    doomed.start(TAMPER=f"die={end}")
    cluster.await_state(doomed, postgresql="up", mongodb="up")
    key, body = told.order(doomed)
    doomed.await_end()
    doomed.start()
    wait_until(lambda: told.heard(), "the order to be told", cluster.explain, seconds=30)
    other.start()
    again = told.staff.call_until_answered("POST", "/orders", body, key)[-1]
    assert again.status == 201, again
    cluster.await_settled()
    wait_until(told.is_delivered, "the delivery to be noted", cluster.explain, seconds=30)
    [(_, event)] = told.heard()
    assert event == "order.placed"


@pytest.mark.parametrize("place", PLACES)
def test_a_store_that_goes_down_keeps_what_follows_until_it_is_back(
    cluster: Cluster, told: Told, place: str
) -> None:
    doomed, other = cluster.diners
    other.kill9()
    doomed.kill9()
    if place == MONGODB:
        # So that it accepts the order.
        cluster.servers.postgresql.kill9()
    doomed.start(TAMPER=f"die={place}.orders.accept.after")
    cluster.await_state(doomed, **{place: "up" if place == POSTGRESQL else "catching_up"})
    told.order(doomed)
    doomed.await_end()
    cluster.servers.at(place).kill9()
    if place == MONGODB:
        cluster.servers.postgresql.start()
    doomed.start()
    cluster.await_state(doomed, **{place: "down"})
    time.sleep(MOMENT)
    assert told.heard() == Counter()
    cluster.servers.at(place).start()
    wait_until(lambda: told.heard(), "the order to be told", cluster.explain, seconds=30)
    other.start()
    cluster.await_settled()
    assert [event for _, event in told.heard()] == ["order.placed"]
