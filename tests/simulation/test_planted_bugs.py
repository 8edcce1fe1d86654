"""The simulation sees red: every bug that is planted on purpose is caught."""

from __future__ import annotations

import pytest

from tests.simulation.planted import BUGS, Bug
from tests.simulation.run import simulate

SEEDS = 4000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulation_catches(bug: Bug) -> None:
    with bug.planted():
        failure = next(filter(None, map(simulate, range(SEEDS))), None)
    assert failure is not None, f"{SEEDS} seeds did not notice: {bug.name}"
    assert failure.promise in bug.promises, failure.history
    assert failure.history
