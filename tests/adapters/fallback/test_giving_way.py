"""Outbox entries are shipped without a pause, unless there are requests to serve."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from adapters.fallback import background
from adapters.fallback.background import Intervals, Shipping
from adapters.fallback.breaker import Breaker
from adapters.fallback.watch import Member, Watch
from adapters.memory.database import MemoryDatabase
from blueprints.http.lifecycle import JUST_NOW, Turns
from dinerapp.replication.anti_entropy import Consistency
from dinerapp.replication.merge import Policy
from dinerapp.replication.periodic_thread import PeriodicThread
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

    monkeypatch.setattr(background, "done_at", batch)
    thread = PeriodicThread("relay", shipping(is_busy).step)
    thread.start()
    try:
        until(lambda: len(begun) >= BATCHES)
    finally:
        thread.stop()
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


def shipping(is_busy: bool) -> Shipping:
    """To one store, from nowhere."""
    handover = Handover(Policy(), save_conflict=lambda _: None)
    relay = Relay([], handover)
    watch = Watch(
        Member(MemoryDatabase(), Breaker("mongodb")),
        None,
        word=None,
        relay=relay,
        consistency=Consistency(handover),
        pairs=[],
    )
    return Shipping(
        relay,
        [watch],
        is_busy=lambda: is_busy,
        wake_second=lambda: None,
        intervals=Intervals(give_way=3.0),
    )
