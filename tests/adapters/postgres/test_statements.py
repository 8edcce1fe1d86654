"""How much the adapter asks of a server, how the server finds it, and who waits for whom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from adapters.postgres.conflicts import PostgresConflicts
from adapters.postgres.connection import DeadlineConnection
from adapters.postgres.conversations import PostgresConversations
from adapters.postgres.customers import PostgresCustomers
from adapters.postgres.database import PostgresDatabase
from adapters.postgres.menu import PostgresMenuItems
from adapters.postgres.orders import PostgresOrders
from dinerapp.ordering.domain.menu import stock_key
from dinerapp.ordering.domain.orders import FulfilmentType, Order, Status
from dinerapp.ordering.ports.customers import CustomerFilter
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.errors import AlreadyExists
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.replica import ApplyOutcome, Backlog, OutboxEntry
from dinerapp.replication.ports.repository import ChangeCursor, Cursor
from dinerapp.replication.version import StoreId
from tests.contracts.samples import accepted_again_by, accepted_by, run_concurrently
from tests.factories import (
    at,
    conflict,
    conversation,
    customer,
    line,
    menu_item,
    order,
    stocked_order,
)

M = StoreId.MONGODB
ADA = new_id()
OWING = [OutboxEntry(M, at(0), undelivered=False)]
PATIENCE = 0.3


class Diner:
    """The stores over one database, and the statements they send."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent: list[tuple[str, Any]] = []
        self.database = PostgresDatabase(url)
        self.orders = PostgresOrders(self.database)
        self.menu_items = PostgresMenuItems(self.database)
        self.conflicts = PostgresConflicts(self.database)
        self.customers = PostgresCustomers(self.database)
        self.conversations = PostgresConversations(self.database)

    def statements(self, call: Callable[[], object]) -> int:
        """How many the call takes."""
        self.sent.clear()
        call()
        return len(self.sent)

    def plan(self, call: Callable[[], object]) -> str:
        """How the server goes about the last statement of the call, whatever its parameters."""
        self.statements(call)
        query, parameters = self.sent[-1]
        for number, name in enumerate(parameters, 1):
            query = query.replace(f"%({name})s", f"${number}")
        rows = self.database.fetch(f"EXPLAIN (GENERIC_PLAN) {query}")
        return "\n".join(row["QUERY PLAN"] for row in rows)


@pytest.fixture
def diner(fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Diner]:
    diner = Diner(fresh_postgres_url)
    execute = DeadlineConnection.execute

    def recorded(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        diner.sent.append((query, params))
        return execute(self, query, params, **options)

    diner.database.open()
    diner.database.prepare()
    monkeypatch.setattr(DeadlineConnection, "execute", recorded)
    yield diner
    diner.database.close()


@pytest.fixture
def busy(diner: Diner) -> Diner:
    """With enough in it for the server to prefer an index by itself."""
    statuses = [Status.READY, *[Status.COMPLETED] * 49]
    orders = [accepted_by(order(created_at=at(n), status=statuses[n % 50]), M) for n in range(2000)]
    diner.orders.deliver(orders, OWING)
    diner.conflicts.deliver([accepted_by(conflict(created_at=at(n)), M) for n in range(500)])
    guests = [accepted_by(customer(created_at=at(n), email=f"{n}@e.org"), M) for n in range(500)]
    diner.customers.deliver(guests)
    talks = [
        conversation(created_at=at(n), user_ids=tuple(sorted((ADA, new_id())))) for n in range(999)
    ]
    diner.conversations.deliver([accepted_by(each, M) for each in talks])
    with psycopg.connect(diner.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return diner


def test_accepting_is_one_statement(diner: Diner) -> None:
    item = menu_item(stock_limit=9)
    for save in (
        partial(diner.menu_items.accept, item),
        partial(diner.orders.accept, order(4)),
        partial(diner.orders.accept, stocked_order(item.id)),
        partial(diner.conflicts.accept, conflict()),
    ):
        assert diner.statements(partial(save, entries=OWING)) == 1


def test_a_rejection_takes_one_more_to_say_why(diner: Diner) -> None:
    saved = diner.orders.accept(order())

    def again() -> None:
        with pytest.raises(AlreadyExists):
            diner.orders.accept(order(id=saved.id))

    assert diner.statements(again) == 2


def test_a_batch_is_one_statement(diner: Diner) -> None:
    batch = [accepted_by(order(3), M) for _ in range(300)]
    assert diner.statements(lambda: diner.orders.deliver(batch, OWING)) == 1
    assert diner.statements(lambda: diner.orders.claim(M, 300, at(1), at(2))) == 1
    shipped = [(each.id, each.version) for each in batch]
    assert diner.statements(lambda: diner.orders.acknowledge(M, shipped)) == 1
    assert diner.orders.backlog(M) == Backlog()


def test_the_rest_of_a_batch_is_not_taken_one_by_one_for_a_poisoned_record(diner: Diner) -> None:
    batch = [accepted_by(order(), M) for _ in range(256)]
    batch[100] = replace(batch[100], notes="a\0b")
    assert diner.statements(lambda: diner.orders.deliver(batch)) == 17
    answers = diner.orders.deliver(batch)
    assert [answer.outcome for answer in answers].count(ApplyOutcome.ALREADY_APPLIED) == 255
    assert answers[100].outcome is ApplyOutcome.REFUSED


def test_reading_is_one_statement(busy: Diner) -> None:
    for question in (
        lambda: busy.orders.load([each.id for each in busy.orders.scan(None, 50)]),
        lambda: busy.orders.fingerprints(),
        lambda: busy.orders.usage(["a", "b"]),
    ):
        assert busy.statements(question) in (1, 2)
    assert busy.statements(lambda: busy.orders.page(OrderFilter(), None, 50)) == 1
    assert busy.statements(lambda: busy.menu_items.all()) == 1


PAGES: Mapping[str, Callable[[Diner], object]] = {
    "orders_newest": lambda it: it.orders.page(OrderFilter(), None, 20),
    "orders_newest, after": lambda it: it.orders.page(
        OrderFilter(since=at(5)), Cursor(at(99), order().id), 20
    ),
    "orders_by_phone": lambda it: it.orders.page(OrderFilter(phone="+49"), None, 20),
    "orders_by_status": lambda it: it.orders.page(
        OrderFilter(status=Status.READY), Cursor(at(1999), order().id), 20
    ),
    "orders_by_fulfilment": lambda it: it.orders.page(
        OrderFilter(fulfilment=FulfilmentType.DELIVERY), None, 20
    ),
    "conflicts_newest": lambda it: it.conflicts.page(None, None, 20),
    "orders_by_phone, after": lambda it: it.orders.page(
        OrderFilter(phone="+49"), Cursor(at(99), order().id), 20
    ),
    "customers_newest": lambda it: it.customers.page(CustomerFilter(), None, 20),
    "conflicts_by_state": lambda it: it.conflicts.page(ConflictState.OPEN, None, 20),
}


def test_pages_are_read_off_an_index_in_its_order(busy: Diner) -> None:
    for name, page in PAGES.items():
        records = busy.plan(partial(page, busy)).partition("SubPlan")[0]
        assert f"Index Scan Backward using {name.partition(',')[0]} " in records
        assert "Sort" not in records


@pytest.mark.parametrize("after", [None, Cursor(at(500), new_id())])
def test_a_page_of_conversations_walks_along_two_indexes_and_sorts_no_more(
    busy: Diner, after: Cursor | None
) -> None:
    plan = busy.plan(lambda: busy.conversations.page(ADA, after, 20))
    for index in ("conversations_by_one", "conversations_by_other"):
        assert (
            f"Index Scan Backward using {index} " in plan
            or f"Index Only Scan Backward using {index} " in plan
        )
    assert "conversations_pkey" in plan
    assert "Seq Scan" not in plan
    assert plan.count("Sort Key") == 1


def test_changes_are_read_off_an_index_in_its_order(busy: Diner) -> None:
    plan = busy.plan(lambda: busy.orders.changed_since(ChangeCursor(at(5), order().id), 20))
    records = plan.partition("SubPlan")[0]
    assert "Index Scan using orders_changed " in records
    assert "Sort" not in records


OTHERS: Mapping[str, Callable[[Diner], object]] = {
    "Index Only Scan using orders_bucket_id_digest_idx": lambda it: it.orders.fingerprints(),
    "orders_bucket_id_digest_idx ": lambda it: it.orders.bucket_digests(7),
    "Index Scan using orders_pkey": lambda it: it.orders.scan(order().id, 20),
    "orders_pkey": lambda it: it.orders.load([order().id]),
    "Index Scan using outbox_due": lambda it: it.orders.claim(M, 20, at(1), at(2)),
    "outbox_pkey": lambda it: it.orders.acknowledge(
        M, [(order().id, accepted_by(order(), M).version)]
    ),
    "counters_pkey": lambda it: it.orders.usage(["a"]),
}


def test_what_replication_asks_is_found_by_an_index(busy: Diner) -> None:
    for index, question in OTHERS.items():
        plan = busy.plan(partial(question, busy))
        assert index in plan
        assert "Seq Scan" not in plan


FEW: Mapping[str, Callable[[Diner], object]] = {
    "customers_by_phone": lambda it: it.customers.page(CustomerFilter(phone="+49"), None, 20),
    "customers_by_email": lambda it: it.customers.page(CustomerFilter(email="a@e.org"), None, 20),
    "conflicts_about": lambda it: it.conflicts.about("orders", [order().id], None, 20),
    "conflicts_by_loser": lambda it: it.conflicts.about("orders", [order().id], None, 20),
}


def test_the_few_that_are_asked_for_by_name_are_found_by_an_index(busy: Diner) -> None:
    for index, question in FEW.items():
        plan = busy.plan(partial(question, busy))
        assert f"{index} " in plan
        assert "Seq Scan" not in plan


def in_the_middle(
    diner: Diner, first: Order, second: Order, outbox_entries: list[OutboxEntry] | None = None
) -> None:
    """Delivers the second state while the first one is written but not yet committed."""
    parameters = diner.orders._row_mapper.write_parameters([first], OWING)
    with psycopg.connect(diner.url) as other:
        other.execute(diner.orders._statements.deliver, parameters)
        [answers] = at_once_after(
            other.commit, partial(diner.orders.deliver, [second], outbox_entries or [])
        )
    assert [answer.outcome for answer in answers] == [ApplyOutcome.STORED]


def at_once_after(release: Callable[[], object], call: Callable[[], Any]) -> list[Any]:
    """The result of the call, which has been waiting for the release."""

    def released() -> str:
        time.sleep(PATIENCE)
        release()
        return "released"

    return [result for result in run_concurrently([call, released]) if result != "released"]


def test_of_two_states_written_at_once_only_the_newer_ones_lines_are_left(diner: Diner) -> None:
    old = accepted_by(order(2), M)
    diner.orders.deliver([old])
    longer = accepted_again_by(old, M, lines=tuple(line() for _ in range(6)))
    shorter = accepted_again_by(longer, M, lines=(line(),))
    in_the_middle(diner, longer, shorter)
    assert diner.orders.get(old.id) == shorter


def test_of_two_states_written_at_once_only_the_newer_one_holds_anything(diner: Diner) -> None:
    old = accepted_by(stocked_order("soup", 1), M)
    diner.orders.deliver([old])
    more = accepted_again_by(
        old, M, lines=(*old.lines, line(item_id="stew", quantity=7, counted=True))
    )
    less = accepted_again_by(more, M, lines=(line(item_id="soup", quantity=2, counted=True),))
    in_the_middle(diner, more, less)
    counts = diner.orders.usage([stock_key("soup"), stock_key("stew")])
    assert [count.reserved for count in counts.values()] == [2, 0]


def test_a_debt_that_outlived_its_state_is_settled_with_the_newer_one(diner: Diner) -> None:
    old = accepted_by(order(), M)
    diner.orders.deliver([old])
    owed = accepted_again_by(old, M)
    in_the_middle(diner, owed, accepted_again_by(owed, M))
    claimed = diner.orders.claim(M, 10, at(1), at(2))
    diner.orders.acknowledge(M, [(each.record.id, each.record.version) for each in claimed])
    assert diner.orders.backlog(M) == Backlog()


def test_a_state_written_while_the_one_before_is_shipped_stays_owed(diner: Diner) -> None:
    saved = diner.orders.accept(order(), OWING)
    [claimed] = diner.orders.claim(M, 10, at(1), at(2))
    diner.orders.accept(saved.with_changes(op_id=new_op_id(), now=at(1)), OWING)
    diner.orders.acknowledge(M, [(claimed.record.id, claimed.record.version)])
    assert diner.orders.backlog(M).waiting == 1


def test_orders_of_the_same_dishes_in_any_sequence_do_not_lock_each_other_out(
    diner: Diner,
) -> None:
    dishes = [diner.menu_items.accept(menu_item(stock_limit=1000)).id for _ in range(8)]

    def place(number: int) -> None:
        sequence = dishes if number % 2 else dishes[::-1]
        lines = tuple(line(item_id=each, counted=True) for each in sequence)
        for _ in range(10):
            diner.orders.accept(order(order_lines=lines))

    def deliver(number: int) -> None:
        sequence = dishes if number % 2 else dishes[::-1]
        diner.orders.deliver([accepted_by(stocked_order(each), M) for each in sequence])

    begun = time.monotonic()
    results = run_concurrently([partial(work, n) for n in range(4) for work in (place, deliver)])
    assert results == [None] * 8
    # PostgreSQL looks for deadlocks after a second.
    assert time.monotonic() - begun < 1
    held = {
        count.reserved
        for count in diner.orders.usage([stock_key(each) for each in dishes]).values()
    }
    assert held == {44}


def test_a_write_that_others_stood_in_the_way_of_is_tried_again(diner: Diner) -> None:
    tries: list[int] = []

    def work(_: DeadlineConnection) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise psycopg.errors.DeadlockDetected("deadlock detected")
        return "done"

    assert diner.database.run(work, writes=True) == "done"


def test_values_come_back_as_the_domain_knows_them(diner: Diner) -> None:
    [row] = diner.database.fetch(
        "SELECT %(id)s::uuid AS id, %(at)s::timestamptz(3) AS at, %(json)s AS json",
        {"id": order().id, "at": at(0.123), "json": Jsonb({"a": [1, None]})},
    )
    assert type(row["id"]) is str
    assert row["at"] == at(0.123)
    assert row["at"].tzinfo is at().tzinfo
    assert row["json"] == {"a": [1, None]}
