"""What a question about orders makes each database look at, with few and with many orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from unittest.mock import patch

from adapters.mongo.orders import MongoOrders
from adapters.postgres.connection import DeadlineConnection
from adapters.postgres.database import PostgresDatabase
from bench.dataset import batches
from bench.environment import DatabaseServers, open_unmonitored, running_servers
from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.ordering.ports.orders import OrderFilter, Orders
from dinerapp.replication.errors import NotFound
from dinerapp.replication.ports.repository import ChangeCursor
from dinerapp.replication.record import utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime.container import Application

PAGE = 25
NEWEST = OrderFilter()
_SCANS = ("Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Seq Scan")


@dataclass(frozen=True)
class QueryPlan:
    """By which indexes, at how many rows or documents, on how many pages of memory."""

    by: str
    rows: int
    pages: int | None = None

    def __str__(self) -> str:
        pages = "" if self.pages is None else f", {self.pages} pages"
        return f"{self.by}: {self.rows:,}{pages}"


Queries = Mapping[str, Callable[[Orders], object]]


def run(sizes: list[int]) -> Iterator[str]:
    """One table in Markdown."""
    found: dict[str, list[tuple[QueryPlan, QueryPlan]]] = {}
    with running_servers() as both, open_unmonitored(both) as diner:
        there = 0
        for size in sorted(sizes):
            made = _fill(diner, size - there)
            there = size
            for name, ask in _queries(made).items():
                found.setdefault(name, []).append(_measure(both, diner, ask))
    sizes_told = " | ".join(f"PostgreSQL, {n:,} | MongoDB, {n:,}" for n in sorted(sizes))
    yield f"| question | {sizes_told} |"
    yield "|---" * (1 + 2 * len(sizes)) + "|"
    for name, pairs in found.items():
        yield f"| {name} | {' | '.join(f'{one} | {other}' for one, other in pairs)} |"


def _fill(diner: Application, count: int) -> Order:
    """So many more orders in both; one of them."""
    pair, last = diner.replication.pairs["orders"], None
    for states in batches(count):
        pair.primary.deliver(states)
        pair.backup.deliver(states)
        last = states[0]
    assert last is not None
    return last


def _queries(order: Order) -> Queries:
    pending, phone = OrderFilter(status=Status.PENDING), OrderFilter(phone=order.customer.phone_key)
    lately = ChangeCursor(utc_now() - timedelta(seconds=10))
    return {
        "an order by its id": lambda orders: orders.get(order.id),
        f"the {PAGE} newest": lambda orders: orders.page(NEWEST, None, PAGE),
        f"the {PAGE} newest that are pending": lambda orders: orders.page(pending, None, PAGE),
        f"the {PAGE} newest of a guest": lambda orders: orders.page(phone, None, PAGE),
        "what changed in ten seconds": lambda orders: orders.changed_since(lately, PAGE),
        "what the kitchen has to cook": lambda orders: orders.in_kitchen(None, PAGE),
    }


def _measure(
    both: DatabaseServers, diner: Application, ask: Callable[[Orders], object]
) -> tuple[QueryPlan, QueryPlan]:
    pair = diner.replication.pairs["orders"]
    postgres, mongo = pair.store_of(StoreId.POSTGRESQL), pair.store_of(StoreId.MONGODB)
    with _statements() as sent:
        ask(cast(Orders, postgres))
    database = PostgresDatabase(both.settings().database_url or "")
    database.open()
    try:
        [row] = database.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sent[-1][0]}", sent[-1][1]
        )
    finally:
        database.close()
    return _parse_postgres_plan(row["QUERY PLAN"][0]["Plan"]), _explain_mongo(
        cast(MongoOrders, mongo), ask
    )


@contextmanager
def _statements() -> Iterator[list[tuple[str, Any]]]:
    sent: list[tuple[str, Any]] = []
    execute = DeadlineConnection.execute

    def recorded(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        sent.append((query, params))
        return execute(self, query, params, **options)

    with patch.object(DeadlineConnection, "execute", recorded):
        yield sent


def _parse_postgres_plan(plan: Mapping[str, Any]) -> QueryPlan:
    scans = [
        node
        for node in _nodes(plan)
        if node["Node Type"] in _SCANS and node.get("Relation Name") == "orders"
    ]
    by = ", ".join(node.get("Index Name", node["Node Type"]) for node in scans)
    rows = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in scans
    )
    return QueryPlan(by, int(rows), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _explain_mongo(orders: MongoOrders, ask: Callable[[Orders], object]) -> QueryPlan:
    """The explanation of the very question that the adapter asks."""
    asked: list[tuple[Any, Any, int]] = []

    def noted(wanted: Any, order: Any = None, limit: int = 0) -> list[Order]:
        asked.append((wanted, order, limit))
        return []

    with patch.object(orders, "_find", noted), suppress(NotFound):
        ask(orders)
    wanted, order, limit = asked[-1]
    with orders.database.reading():
        cursor = orders.collection.find(wanted, sort=order, limit=limit)
        explained = cursor.explain()
    plan = explained["queryPlanner"]["winningPlan"]
    by = next((node["indexName"] for node in _nodes(plan) if "indexName" in node), "no index")
    return QueryPlan(by, explained["executionStats"]["totalDocsExamined"])


def _nodes(plan: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(plan, Mapping):
        yield plan
    for each in plan.values() if isinstance(plan, Mapping) else plan:
        if isinstance(each, Mapping | list):
            yield from _nodes(each)
