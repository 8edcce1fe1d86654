"""How fast a backlog is shipped, and how fast two stores that differ a little are made equal."""

from __future__ import annotations

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bench.filling import AT_ONCE, batches
from bench.ground import order, servers, unwatched
from dinerapp.ordering.domain.orders import Order
from dinerapp.replication.ports.replica import Owing
from dinerapp.replication.record import utc_now
from dinerapp.replication.store_pair import Pair
from dinerapp.replication.version import Place
from dinerapp.runtime.container import Application

RELAYS = 2


def relay(owed: int) -> list[tuple[str, str]]:
    """Orders that PostgreSQL owes MongoDB, shipped by one process, which has two relays."""
    with servers() as both, unwatched(both) as diner:
        pair = diner.replication.pairs["orders"]
        source, target = pair.at(Place.POSTGRESQL), pair.at(Place.MONGODB)
        debt = [Owing(Place.MONGODB, utc_now(), missed=True)]
        for states in batches(owed):
            source.deliver(states, debt)

        def ship() -> None:
            while diner.relay.ship(source, target):
                pass

        started = time.perf_counter()
        with ThreadPoolExecutor(RELAYS) as pool:
            for shipped in [pool.submit(ship) for _ in range(RELAYS)]:
                shipped.result()
        seconds = time.perf_counter() - started
        assert source.backlog(Place.MONGODB).waiting == 0
    return [(f"relay, {owed:,} owed orders", f"{owed / seconds:,.0f} per second")]


def consistency(count: int, differing: int) -> list[tuple[str, str]]:
    """Equal orders in both stores, and some that only one store has, has newer, or deleted."""
    with servers() as both, unwatched(both) as diner:
        pair = diner.replication.pairs["orders"]
        every, picked = count // differing, list[Order]()
        for number, states in enumerate(batches(count)):
            pair.one.deliver(states)
            pair.other.deliver(states)
            picked += states[-number * AT_ONCE % every :: every]
        _check(diner, pair)
        equal_seconds = min(_check(diner, pair)[0] for _ in range(3))
        _scatter(pair, picked[:differing])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        find_seconds, found = _check(diner, pair)
        assert found == differing
        started = time.perf_counter()
        done = diner.replication.consistency.repair_all(pair)
        repair_seconds = time.perf_counter() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        assert (done.differing, done.repaired) == (differing, differing)
        assert _check(diner, pair)[1] == 0
    return [
        (f"consistency, {count:,} equal orders", f"{equal_seconds:.2f} s"),
        (f"{differing} scattered differences among them: found in", f"{find_seconds:.2f} s"),
        ("found and repaired in", f"{repair_seconds:.2f} s"),
        ("memory the check and the repair added to the process", f"{grown / 1024:.1f} MB"),
        ("peak memory of the process", f"{(memory + grown) / 1024:.0f} MB"),
    ]


def _check(diner: Application, pair: Pair[Order]) -> tuple[float, int]:
    started = time.perf_counter()
    found = sum(1 for _ in diner.replication.consistency.differences(pair))
    return time.perf_counter() - started, found


def _scatter(pair: Pair[Order], picked: list[Order]) -> None:
    """A third each: an order only one store has, has deleted, has a newer state of."""
    for number, record in enumerate(picked):
        source = pair.one if number % 2 else pair.other
        if number % 3 == 0:
            source.deliver([order(number).stamped(source.place)])
        else:
            newer = replace(record, deleted=number % 3 == 1, op_id=f"{number:032x}")
            source.deliver([newer.stamped(source.place)])
