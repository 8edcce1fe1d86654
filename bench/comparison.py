"""The comparison itself: fill, start everybody, see that all do the work, and measure in turns."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bench.conditions import (
    DOWN,
    HEALTHY,
    SHIPPING_BACKLOG,
    await_health,
    await_shipped,
    kill_database,
    with_backlog,
)
from bench.contenders import RunningContender, all_contenders, start_contenders
from bench.dataset import OrderIds, fill
from bench.environment import DatabaseServers, open_unmonitored, running_servers
from bench.limits import limits
from bench.results import Cell, Results
from bench.rounds import LoadFunction, Series, alternate
from bench.workloads import requests, verify
from bench.wrk import run_load, write_requests

_CONDITION_WORKLOADS = "ABD"


@dataclass(frozen=True)
class BenchmarkPlan:
    """What is to be measured, and for how long. Ours is always among those who are compared."""

    works: str
    connections: Sequence[int]
    orders: Sequence[int]
    rounds: int
    seconds: int
    only: Collection[str] = ()
    peers: bool = True
    conditions: bool = True

    def is_subscribed(self, name: str) -> bool:
        """Whether a contender is among those asked for."""
        return not self.only or name in self.only


def compare(plan: BenchmarkPlan, results: Results) -> None:
    """Adds a cell for each comparison, as it is made."""
    for number, orders in enumerate(plan.orders):
        with _start_comparison(plan, orders) as ground:
            if plan.peers:
                # What is asked for in A does not depend on how many orders there are.
                works = plan.works if number == 0 else plan.works.replace("A", "")
                for work in works:
                    results.peers += ground.cells(work, ground.contenders(work))
            if plan.conditions:
                ground.add_conditions(results)


@contextmanager
def _start_comparison(plan: BenchmarkPlan, orders: int) -> Iterator[_Comparison]:
    with running_servers() as both:
        _print_progress(f"filling the tables with {orders:,} orders")
        filled = fill(both, orders)
        wanted = [
            one
            for one in all_contenders(both)
            if one.is_ours or (plan.peers and plan.is_subscribed(one.name.removesuffix("-both")))
        ]
        _print_progress(f"starting {len(wanted)} servers")
        with start_contenders(wanted, both.folder) as everybody:
            ground = _Comparison(plan, orders, both, filled, everybody)
            ground.verify()
            yield ground


class _Comparison:
    """Databases of one size with everybody at work on them."""

    def __init__(
        self,
        plan: BenchmarkPlan,
        orders: int,
        both: DatabaseServers,
        filled: OrderIds,
        everybody: Sequence[RunningContender],
    ) -> None:
        self._plan = plan
        self._orders = orders
        self._both = both
        self._filled = filled
        self._everybody = everybody
        self._ours = next(one for one in everybody if one.subject.is_ours)
        self._limits = limits(both, filled) if plan.peers and plan.is_subscribed("limits") else []

    def verify(self) -> None:
        """Nobody is measured who does not do the work."""
        await_health(self._ours)
        for one in self._everybody:
            for work in one.subject.works:
                if work in self._plan.works:
                    verify(one, work, self._filled)
                    _print_progress(f"{one.subject.label} does {work}")

    def contenders(self, work: str) -> dict[str, LoadFunction]:
        """All who do the work, ours first."""
        found = {
            one.subject.label: self._load_function(one, work)
            for one in self._everybody
            if work in one.subject.works
        }
        return found | {each.label: each.shoot for each in self._limits if work in each.works}

    def cells(self, work: str, contenders: Mapping[str, LoadFunction]) -> Iterator[Cell]:
        """One for each number of connections."""
        plan = self._plan
        for connections in plan.connections:
            found = alternate(contenders, connections, plan.rounds, plan.seconds)
            _print_result(work, self._orders, connections, found)
            yield Cell(work, self._orders, connections, found)

    def add_conditions(self, results: Results) -> None:
        """Ours with ours: healthy, with either database down, and with the relay at work."""
        works = [work for work in self._plan.works if work in _CONDITION_WORKLOADS]
        plain = {work: self._load_function(self._ours, work) for work in works}
        found: dict[tuple[str, int], dict[str, Series]] = {}

        def measure(condition: str, shoots: Mapping[str, LoadFunction]) -> None:
            for work, shoot_it in shoots.items():
                for cell in self.cells(work, {condition: shoot_it}):
                    found.setdefault((work, cell.connections), {}).update(cell.found)

        measure(HEALTHY, plain)
        with open_unmonitored(self._both) as diner:
            shipping = {work: with_backlog(self._both, diner, one) for work, one in plain.items()}
            measure(SHIPPING_BACKLOG, shipping)
        await_shipped(self._both)
        for place, condition in DOWN.items():
            with kill_database(self._both, self._ours, place):
                measure(condition, plain)
        results.conditions += [
            Cell(work, self._orders, connections, series)
            for (work, connections), series in found.items()
        ]

    def _load_function(self, one: RunningContender, work: str) -> LoadFunction:
        name = f"{one.subject.name}-{work}.requests"
        file = write_requests(requests(one, work, self._filled), self._both.folder / name)
        return partial(run_load, one.port, file)


def _print_result(work: str, orders: int, connections: int, found: Mapping[str, Series]) -> None:
    told = ", ".join(f"{name} {series.rate:,.0f}/s" for name, series in found.items())
    _print_progress(f"{work}, {orders:,} orders, {connections} connections: {told}")


def _print_progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
