"""What kinds that hold and limit, or have a default limit, ask of a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.version import StoreId
from tests.adapters.postgres.test_statements import Diner, diner
from tests.contracts.counted import POSTGRES_STORES, booking, pool
from tests.contracts.samples import accepted_by, run_concurrently
from tests.factories import at

__all__ = ["diner"]
M = StoreId.MONGODB


@pytest.fixture
def stores(diner: Diner) -> dict[str, Any]:
    made = {name: make(diner.database) for name, make in POSTGRES_STORES.items()}
    diner.database.prepare()
    return made


def test_taking_and_limiting_is_one_statement(diner: Diner, stores: dict[str, Any]) -> None:
    saved = pool(size=5, taken=2)
    assert diner.statements(lambda: stores["pools"].save(saved)) == 1
    saved = stores["pools"].get(saved.id)
    more = saved.with_changes(op_id=new_op_id(), now=at(1), size=9, taken=9)
    assert diner.statements(lambda: stores["pools"].save(more)) == 1
    assert diner.statements(lambda: stores["bookings"].save(booking("table:1", "table:2"))) == 1
    batch = [accepted_by(booking("table:1", "table:3"), M) for _ in range(100)]
    assert diner.statements(lambda: stores["bookings"].deliver(batch)) == 1


def test_holders_are_found_by_an_index(diner: Diner, stores: dict[str, Any]) -> None:
    batch = [accepted_by(booking(f"table:{new_id()}", "bar"), M) for _ in range(2000)]
    stores["bookings"].deliver(batch)
    with psycopg.connect(diner.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    plan = diner.plan(lambda: stores["bookings"].holders(batch[7].keys[0], 20))
    assert "Bitmap Index Scan on bookings_holds" in plan
    assert "Seq Scan" not in plan


def test_what_is_taken_and_limited_in_any_order_locks_nobody_out(
    diner: Diner, stores: dict[str, Any]
) -> None:
    pools = [stores["pools"].save(pool(size=1000)) for _ in range(6)]

    def take(number: int) -> None:
        keys = [each.key for each in pools]
        keys = keys if number % 2 else keys[::-1]
        for _ in range(10):
            stores["bookings"].save(booking(*keys))

    def limit(number: int) -> None:
        sequence = pools if number % 2 else pools[::-1]
        states = [accepted_by(pool(key=each.key, size=1000, taken=1), M) for each in sequence]
        for _ in range(10):
            stores["pools"].deliver(states)

    calls: list[Callable[[], None]] = [
        partial(work, number) for number in range(3) for work in (take, limit)
    ]
    assert run_concurrently(calls) == [None] * 6
    usage = stores["pools"].usage([each.key for each in pools])
    assert {(it.reserved, it.limit) for it in usage.values()} == {(33, 1000)}
