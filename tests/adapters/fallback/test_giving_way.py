"""Debts are shipped without a pause, unless there are requests to serve."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from adapters.fallback import connections as module
from adapters.fallback.breaker import Breaker
from adapters.fallback.connections import Named, NamedConnections, Pace
from adapters.fallback.probe import Probe
from adapters.fallback.settler import Settler
from adapters.memory.database import MemoryDatabase
from blueprints.http.lifecycle import JUST_NOW, Turns
from dinerapp.replication.followers import Following
from dinerapp.replication.merge import Policy
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Handover
from tests.contracts.bus import until

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

    monkeypatch.setattr(module, "_done", batch)
    connections = _shipping(Pace(give_way=3.0, start=0.0))
    connections.is_busy = lambda: is_busy
    connections.initialize_all()
    try:
        until(lambda: len(begun) >= BATCHES)
    finally:
        connections.close_all()
    pauses = [later - earlier - BATCH for earlier, later in pairwise(begun)]
    assert (min(pauses) >= 3 * BATCH) is is_busy


def test_requests_are_known_while_they_have_their_turn_and_a_moment_longer() -> None:
    turns = Turns(2)
    assert not turns.are_taken()
    with turns, turns:
        time.sleep(2 * JUST_NOW)
        assert turns.are_taken()
    with turns:
        pass
    assert turns.are_taken()
    until(lambda: not turns.are_taken())


def _shipping(pace: Pace) -> NamedConnections:
    database, handover = MemoryDatabase(), Handover(Policy())
    pairs: list[Any] = [object()]
    return NamedConnections(
        [Named("mongodb", "primary", Probe(database, Breaker("mongodb")))],
        relay=Relay([], handover),
        pairs=pairs,
        settler=Settler(handover),
        following=Following([], {}),
        pace=pace,
    )
