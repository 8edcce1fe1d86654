"""The simulation finds bugs that are there: each is planted, and must be found within seconds."""

from __future__ import annotations

import pytest

from tests.simulation.planted import BUGS, PlantedBug
from tests.simulation.run import simulate

SEEDS = 1500


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: PlantedBug) -> None:
    with bug.apply():
        failures = (simulate(seed, **bug.focus) for seed in range(SEEDS))
        failure = next(filter(None, failures), None)
    assert failure is not None
    assert failure.promise in bug.promises, str(failure)
    assert failure.promise in str(failure).splitlines()[0]
    assert failure.history
