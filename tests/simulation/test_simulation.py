"""Thousands of histories of failing databases, each checked against the promises."""

from __future__ import annotations

import os

import pytest

from tests.simulation.run import simulate_all

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "5000"))


@pytest.mark.timeout(1200)
def test_every_history_keeps_every_promise() -> None:
    workers = os.cpu_count() or 1
    failures = [str(failure) for _, failure in simulate_all(range(SEEDS), workers) if failure]
    assert not failures, failures[0]
