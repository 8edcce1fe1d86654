"""The command line of the simulation: `python -m tests.simulation.run --seeds N --from S`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import structlog

from tests.simulation.plan import SimulationPlan
from tests.simulation.scheduler import Violation
from tests.simulation.simulation import Simulation

CHUNK = 100


@dataclass(frozen=True)
class Failure:
    """A seed that broke a promise, and how."""

    seed: int
    promise: str
    what: str
    history: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed} broke a promise: {self.promise}: {self.what}\n"
            f"again: PYTHONHASHSEED=0 python -m tests.simulation.run --from {self.seed} --seeds 1"
            f"\n\n{self.history}\n\nseed {self.seed}: {self.promise}: {self.what}\n"
        )


def simulate(seed: int, **focus: Any) -> Failure | None:
    """Runs one seed, with some of its plan given; a failing one again, to write its history."""
    plan = replace(SimulationPlan.from_seed(seed), **focus)
    with _silence():
        violation = _violation(Simulation(plan))
        if violation is None:
            return None
        world = Simulation(plan, keep_history=True)
        again = _violation(world) or violation
        return Failure(seed, again.promise, again.what, _told(world, again))


def simulate_all(seeds: Sequence[int], workers: int) -> Iterator[tuple[int, Failure | None]]:
    """Runs the seeds on so many cores; yields how many are done and the first failure of each
    chunk."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if workers == 1:
        for chunk in chunks:
            yield len(chunk), _first_failure(chunk)
        return
    with _same_hashes(), _pool(workers) as pool:
        futures = {pool.submit(_first_failure, chunk): len(chunk) for chunk in chunks}
        for future in as_completed(futures):
            yield futures[future], future.result()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.run")
    parser.add_argument("--seeds", type=int, default=5000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="start", help="the first one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a failure")
    given = parser.parse_args(arguments)
    seeds = range(given.start, given.start + given.seeds)
    done, failed, started = 0, 0, time.monotonic()
    for number, failure in simulate_all(seeds, given.workers):
        done += number
        _progress(done, given.seeds, time.monotonic() - started)
        if failure is not None:
            failed += 1
            sys.stdout.write(f"\n{failure}")
            if not given.keep_going:
                return 1
    sys.stderr.write("\n")
    return 1 if failed else 0


def _first_failure(seeds: Sequence[int]) -> Failure | None:
    return next(filter(None, map(simulate, seeds)), None)


def _violation(world: Simulation) -> Violation | None:
    try:
        world.run()
    except Violation as violation:
        return violation
    return None


def _told(world: Simulation, violation: Violation) -> str:
    plan = world.plan
    head = [
        f"{plan.processes} processes, {plan.clients} clients, {plan.fault_rates}",
        f"{plan.intervals}",
        f"missing at first: {plan.missing}; poison: {plan.poison}; budgets: {plan.budgets}",
        *(f"fault: {fault}" for fault in plan.faults),
    ]
    tail = [] if violation.__cause__ is None else _traceback(violation.__cause__)
    return "\n".join([*head, *world.history.lines, *tail])


def _traceback(exc: BaseException) -> list[str]:
    import traceback

    return traceback.format_exception(exc)


def _progress(done: int, of: int, seconds: float) -> None:
    sys.stderr.write(f"\r{done} of {of} seeds, {done / max(seconds, 0.001):.0f} per second ")
    sys.stderr.flush()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Whoever stops early does not wait for what has not begun."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _silence() -> Iterator[None]:
    """The code under test logs what it does; ten thousand seeds of that help nobody."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _same_hashes() -> Iterator[None]:
    """Makes sets of strings have one order in every process, so that a seed is a seed."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before


if __name__ == "__main__":
    sys.exit(main())
