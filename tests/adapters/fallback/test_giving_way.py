"""Outbox entries are shipped without a pause, unless there are requests to serve."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from adapters.fallback import background
from adapters.fallback.background import Intervals, RelayLoop
from adapters.fallback.store_health import StoreHealth
from adapters.fallback.store_monitor import MonitoredStore, StoreMonitor
from adapters.memory.database import MemoryDatabase
from blueprints.http.lifecycle import BUSY_SECONDS, ConcurrencyLimit
from dinerapp.replication.anti_entropy import AntiEntropy
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.periodic_thread import PeriodicThread
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Replicator
from tests.contracts.bus import wait_until

BATCH, BATCHES = 0.02, 6


@pytest.mark.parametrize("is_busy", [False, True])
def test_the_relay_rests_between_batches_only_while_there_are_requests(
    monkeypatch: pytest.MonkeyPatch, is_busy: bool
) -> None:
    begun: list[float] = []

    def batch(*_: object) -> int:
        begun.append(time.monotonic())
        time.sleep(BATCH)
        return 1

    monkeypatch.setattr(background, "run_if_reachable", batch)
    thread = PeriodicThread("relay", shipping(is_busy).step)
    thread.start()
    try:
        wait_until(lambda: len(begun) >= BATCHES)
    finally:
        thread.stop()
    pauses = [later - earlier - BATCH for earlier, later in pairwise(begun)]
    assert (min(pauses) >= 3 * BATCH) is is_busy


def test_requests_are_known_while_they_have_their_turn_and_a_moment_longer() -> None:
    turns = ConcurrencyLimit(2)
    assert not turns.is_busy()
    with turns, turns:
        time.sleep(2 * BUSY_SECONDS)
        assert turns.is_busy()
    with turns:
        pass
    assert turns.is_busy()
    wait_until(lambda: not turns.is_busy())


def shipping(is_busy: bool) -> RelayLoop:
    """To one store, from nowhere."""
    replicator = Replicator(MergePolicy(), save_conflict=lambda _: None)
    relay = Relay([], replicator)
    monitor = StoreMonitor(
        MonitoredStore(MemoryDatabase(), StoreHealth("mongodb")),
        None,
        suspicion=None,
        relay=relay,
        anti_entropy=AntiEntropy(replicator),
        pairs=[],
    )
    return RelayLoop(
        relay,
        [monitor],
        is_busy=lambda: is_busy,
        wake_second=lambda: None,
        intervals=Intervals(relay_pause_factor=3.0),
    )
