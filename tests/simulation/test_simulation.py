"""The two-store machinery over simulated stores, faults and time. `make simulate` runs more."""

from __future__ import annotations

import os

import pytest

from tests.simulation.plan import SimulationPlan
from tests.simulation.planted import BUGS
from tests.simulation.run import Failure, main, simulate, simulate_all
from tests.simulation.simulation import Simulation

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "5000"))


@pytest.mark.timeout(3600)
def test_no_seed_breaks_a_promise() -> None:
    failures: list[Failure] = []
    for _, failure in simulate_all(range(SEEDS), os.cpu_count() or 1):
        if failure is not None:
            failures.append(failure)
            break
    assert not failures, str(failures[0])


def test_a_seed_happens_the_same_way_every_time() -> None:
    for seed in range(20):
        once, again = (
            Simulation(SimulationPlan.from_seed(seed), keep_history=True) for _ in range(2)
        )
        once.run()
        again.run()
        assert once.history.lines == again.history.lines
        assert once.history.lines


def test_the_command_says_by_its_exit_code_whether_all_is_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seeds", "20", "--from", "7", "--workers", "1"]) == 0
    with BUGS[0].apply():
        assert main(["--seeds", "20", "--from", "7", "--workers", "1"]) == 1
    assert "broke a promise" in capsys.readouterr().out


def test_a_failing_seed_is_told_with_its_faults_and_its_last_words() -> None:
    with BUGS[0].apply():
        failure = next(filter(None, (simulate(seed) for seed in range(100))))
    told = str(failure)
    assert f"--from {failure.seed} --seeds 1" in told
    assert "starts" in told
    assert told.rstrip().endswith(f"{failure.promise}: {failure.what}")
