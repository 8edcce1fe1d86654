"""What one process cannot use, the others look at without delay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from adapters.fallback.background import Intervals, MonitorLoop
from adapters.fallback.connection_monitor import ConnectionMonitor
from adapters.fallback.store_health import StoreHealth
from adapters.fallback.suspicion import Suspicion
from adapters.memory.database import MemoryDatabase
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.ports.database import Ping
from dinerapp.replication.signals import announce, remote_suspicion, suspicion_published
from dinerapp.replication.version import StoreId
from tests.contracts.bus import wait_until
from tests.factories import at

NEVER = 3600.0


class Looked(MemoryDatabase):
    """Counts how often it is asked whether it is there."""

    pings = 0

    def ping(self) -> Ping:
        self.pings += 1
        return super().ping()


@pytest.fixture
def database() -> Iterator[Looked]:
    """It is checked once at the start, and then only for a reason."""
    database, wake = Looked(), Event()
    probe = ConnectionMonitor(database, StoreHealth("mongodb", on_lost=wake.set))
    monitoring = MonitorLoop(probe, wake=wake.set, intervals=Intervals(check=NEVER))
    database.open()
    thread = PeriodicThread("watch-mongodb", monitoring.step, wake)
    thread.start()
    wait_until(lambda: database.pings)
    yield database
    thread.stop()
    database.close()


def test_a_process_looks_as_soon_as_it_hears_of_a_loss(database: Looked) -> None:
    before = database.pings
    announce(remote_suspicion, None, place="mongodb")
    wait_until(lambda: database.pings > before)


def test_a_word_is_called_out_when_it_is_given_and_not_each_time_it_is_needed() -> None:
    told: list[str] = []

    def tell(_sender: object, place: str) -> None:
        told.append(place)

    peer, moment = MemoryDatabase(StoreId.POSTGRESQL), [at()]
    peer.open()
    suspicion = Suspicion(StoreId.MONGODB, peer, "here", now=lambda: moment[0])
    with suspicion_published.connected_to(tell):
        for _ in range(3):
            suspicion.publish()
        assert told == ["mongodb"]
        moment[0] += timedelta(seconds=4)
        suspicion.publish()
        assert told == ["mongodb", "mongodb"]
