"""How fast a backlog is shipped, and how fast two stores that differ a little are made equal."""

from __future__ import annotations

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bench.dataset import BATCH_SIZE, batches
from bench.environment import open_unmonitored, order, running_servers
from dinerapp.ordering.domain.orders import Order
from dinerapp.replication.ports.replica import OutboxEntry
from dinerapp.replication.record import utc_now
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from dinerapp.runtime.container import Application

RELAYS = 2


def relay(owed: int) -> list[tuple[str, str]]:
    """Orders that PostgreSQL owes MongoDB, shipped by one process, which has two relays."""
    with running_servers() as both, open_unmonitored(both) as diner:
        pair = diner.replication.pairs["orders"]
        source, target = pair.store_of(StoreId.POSTGRESQL), pair.store_of(StoreId.MONGODB)
        debt = [OutboxEntry(StoreId.MONGODB, utc_now(), undelivered=True)]
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
        assert source.backlog(StoreId.MONGODB).waiting == 0
    return [(f"relay, {owed:,} owed orders", f"{owed / seconds:,.0f} per second")]


def consistency(count: int, differing: int) -> list[tuple[str, str]]:
    """Equal orders in both stores, and some that only one store has, has newer, or deleted."""
    with running_servers() as both, open_unmonitored(both) as diner:
        pair = diner.replication.pairs["orders"]
        every, picked = count // differing, list[Order]()
        for number, states in enumerate(batches(count)):
            pair.primary.deliver(states)
            pair.backup.deliver(states)
            picked += states[-number * BATCH_SIZE % every :: every]
        _check(diner, pair)
        equal_seconds = min(_check(diner, pair)[0] for _ in range(3))
        _scatter(pair, picked[:differing])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        find_seconds, found = _check(diner, pair)
        assert found == differing
        started = time.perf_counter()
        done = diner.replication.anti_entropy.repair_all(pair)
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


def _check(diner: Application, pair: StorePair[Order]) -> tuple[float, int]:
    started = time.perf_counter()
    found = sum(1 for _ in diner.replication.anti_entropy.differences(pair))
    return time.perf_counter() - started, found


def _scatter(pair: StorePair[Order], picked: list[Order]) -> None:
    """A third each: an order only one store has, has deleted, has a newer state of."""
    for number, record in enumerate(picked):
        source = pair.primary if number % 2 else pair.backup
        if number % 3 == 0:
            source.deliver([order(number).as_accepted_by(source.store_id)])
        else:
            newer = replace(record, deleted=number % 3 == 1, op_id=f"{number:032x}")
            source.deliver([newer.as_accepted_by(source.store_id)])
