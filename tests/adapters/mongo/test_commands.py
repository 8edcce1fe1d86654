"""How much the adapter asks of a server: commands per call, and indexes for every question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from adapters.mongo.conflicts import MongoConflicts
from adapters.mongo.customers import MongoCustomers
from adapters.mongo.database import MongoDatabase
from adapters.mongo.menu import MongoMenuItems
from adapters.mongo.orders import MongoOrders
from dinerapp.ordering.domain.orders import FulfilmentType, Order, Status
from dinerapp.ordering.domain.tickets import Ticket, TicketStatus
from dinerapp.ordering.ports.customers import CustomerFilter
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.replication.conflicts import ConflictState
from dinerapp.replication.errors import AlreadyExists
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.replica import ApplyOutcome, OutboxEntry
from dinerapp.replication.ports.repository import ChangeCursor, Cursor
from dinerapp.replication.version import StoreId
from tests.contracts.samples import accepted_again_by
from tests.factories import at, conflict, customer, menu_item, order, stocked_order

P = StoreId.POSTGRESQL
NOT_EXPLAINED = ("lsid", "$db", "$clusterTime", "readConcern", "maxTimeMS", "$readPreference")


class Recorder(CommandListener):
    """The commands that were sent, in order."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    @property
    def names(self) -> list[str]:
        return [next(iter(command)) for command in self.sent]

    def started(self, event: CommandStartedEvent) -> None:
        # Of logging in, nothing is told.
        if event.command:
            self.sent.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...
    def trip(self, event: CommandFailedEvent) -> None: ...


class Diner:
    """The stores over one database, and what they send."""

    def __init__(self, url: str) -> None:
        self.recorder = Recorder()
        self.database = MongoDatabase(url, client_factory=self._client)
        self.orders = MongoOrders(self.database)
        self.menu_items = MongoMenuItems(self.database)
        self.conflicts = MongoConflicts(self.database)
        self.customers = MongoCustomers(self.database)

    def _client(self, uri: str, **options: Any) -> MongoClient[dict[str, Any]]:
        listeners = [*options.pop("event_listeners", ()), self.recorder]
        return MongoClient(uri, **options, event_listeners=listeners)

    def sent(self) -> list[str]:
        """The names of the commands since the last time."""
        names = self.recorder.names
        self.recorder.sent.clear()
        return names

    def plans(self) -> list[str]:
        """How the server would answer the questions since the last time."""
        questions = [each for each in self.recorder.sent if {"find", "aggregate"} & set(each)]
        self.recorder.sent.clear()
        return [self._plan(each) for each in questions]

    def looked_at(self, question: Mapping[str, Any]) -> int:
        """How many documents the server reads to answer."""
        explained = self._explained(question, "executionStats")
        read: int = explained["executionStats"]["totalDocsExamined"]
        return read

    def _plan(self, question: Mapping[str, Any]) -> str:
        return str([*winning_plans(self._explained(question, "queryPlanner"))])

    def _explained(self, question: Mapping[str, Any], verbosity: str) -> Any:
        command = {k: v for k, v in question.items() if k not in NOT_EXPLAINED}
        name = next(iter(command))
        with self.database.reading():
            database = self.database.collection(command[name]).database
            return database.command("explain", command, verbosity=verbosity)


def winning_plans(explained: Any) -> Iterator[Any]:
    """The plans that were chosen, wherever in the explanation they are."""
    if isinstance(explained, dict):
        for name, value in explained.items():
            yield from [value] if name == "winningPlan" else winning_plans(value)
    elif isinstance(explained, list):
        for each in explained:
            yield from winning_plans(each)


@pytest.fixture
def diner(fresh_mongo_url: str) -> Iterator[Diner]:
    diner = Diner(fresh_mongo_url)
    diner.database.open()
    try:
        diner.database.prepare()
        diner.sent()
        yield diner
    finally:
        diner.database.close()


def ticket(status: TicketStatus) -> Ticket:
    return Ticket(
        id=new_id(),
        line_id=new_id(),
        revision=1,
        quantity=1,
        fired_at=at(),
        station="grill",
        name="Pelmeni",
        status=status,
    )


def outbox_entries(undelivered: bool = False) -> list[OutboxEntry]:
    return [OutboxEntry(P, at(), undelivered)]


def test_a_new_order_is_accepted_with_one_command(diner: Diner) -> None:
    diner.orders.accept(order(4), outbox_entries())
    assert diner.sent() == ["update"]


def test_a_change_that_holds_nothing_costs_one_command(diner: Diner) -> None:
    saved = diner.orders.save(order(4))
    diner.sent()
    diner.orders.save(saved.with_changes(op_id=new_op_id(), now=at(1), notes="no onions"))
    assert diner.sent() == ["update"]


def test_a_counted_order_costs_one_transaction(diner: Diner) -> None:
    item = diner.menu_items.save(menu_item(stock_limit=5))
    diner.sent()
    diner.orders.save(stocked_order(item.id))
    assert diner.sent() == ["find", "findAndModify", "update", "commitTransaction"]


def test_a_change_that_holds_the_same_costs_one_command(diner: Diner) -> None:
    saved = diner.orders.save(stocked_order(new_id()))
    diner.sent()
    moved = saved.with_status(
        Status.CONFIRMED, actor="chef", reason=None, op_id=new_op_id(), now=at(1)
    )
    diner.orders.save(moved)
    assert diner.sent() == ["update"]


def test_a_taken_id_is_found_out_without_a_transaction(diner: Diner) -> None:
    saved = diner.orders.save(order())
    diner.sent()
    with pytest.raises(AlreadyExists):
        diner.orders.save(order(id=saved.id))
    assert diner.sent() == ["update", "find"]


def test_many_states_are_delivered_with_one_command(diner: Diner) -> None:
    diner.orders.deliver([order().as_accepted_by(P) for _ in range(200)])
    assert diner.sent() == ["update"]


def test_first_states_are_delivered_with_one_command_and_counted_later_together(
    diner: Diner,
) -> None:
    item_id = new_id()
    diner.orders.deliver([stocked_order(item_id).as_accepted_by(P) for _ in range(50)])
    diner.orders.deliver([stocked_order(item_id, 2).as_accepted_by(P)])
    assert diner.sent() == ["update", "update"]
    counts = diner.orders.usage([f"stock:{item_id}"])
    told = ["find", "find", "update", "update", "commitTransaction"]
    assert diner.sent() == [*told, "find"]
    assert counts[f"stock:{item_id}"].reserved == 52
    diner.orders.usage([f"stock:{item_id}"])
    assert diner.sent() == ["find", "find"]


def test_many_later_states_are_delivered_in_one_transaction(diner: Diner) -> None:
    later = [accepted_again_by(stocked_order(new_id()).as_accepted_by(P), P) for _ in range(50)]
    diner.orders.deliver(later)
    assert diner.sent() == ["find", "update", "update", "commitTransaction"]


def test_a_state_that_follows_one_the_counters_were_not_told_of_is_counted_once(
    diner: Diner,
) -> None:
    first = stocked_order(new_id()).as_accepted_by(P)
    key = f"stock:{first.lines[0].item_id}"
    diner.orders.deliver([first])
    diner.orders.deliver([accepted_again_by(first, P)])
    assert diner.orders.usage([key])[key].reserved == 1
    other = stocked_order(first.lines[0].item_id).as_accepted_by(P)
    diner.orders.deliver([other])
    diner.orders.deliver([accepted_again_by(other, P, status=Status.CANCELLED)])
    assert diner.orders.usage([key])[key].reserved == 1


def test_what_is_due_of_all_kinds_is_one_question(diner: Diner) -> None:
    diner.orders.accept(order(), outbox_entries(undelivered=True))
    diner.sent()
    kinds = ["menu_items", "orders"]
    assert diner.orders.kinds_due(P, kinds, at(1)) == ["orders"]
    assert diner.menu_items.kinds_undelivered(P, kinds) == ["orders"]
    assert diner.sent() == ["aggregate", "aggregate"]


def test_one_spoilt_counted_state_spoils_no_other(diner: Diner) -> None:
    good, other = (stocked_order(new_id()).as_accepted_by(P) for _ in range(2))
    spoilt = replace(stocked_order(new_id()), notes="x" * 17_000_000).as_accepted_by(P)
    answers = diner.orders.deliver([good, spoilt, other])
    assert [answer.outcome for answer in answers] == [
        ApplyOutcome.STORED,
        ApplyOutcome.REFUSED,
        ApplyOutcome.STORED,
    ]
    assert set(diner.orders.load([good.id, spoilt.id, other.id])) == {good.id, other.id}


def test_a_batch_of_debts_is_claimed_with_three_commands_and_none_with_one(diner: Diner) -> None:
    for _ in range(5):
        diner.orders.accept(order(), outbox_entries())
    diner.sent()
    claimed = diner.orders.claim(P, 100, at(1), at(60))
    assert diner.sent() == ["find", "update", "find"]
    diner.orders.acknowledge(P, [(owed.record.id, owed.record.version) for owed in claimed])
    assert diner.sent() == ["update"]
    assert diner.orders.claim(P, 100, at(90), at(99)) == []
    assert diner.sent() == ["find"]


AFTER = Cursor(at(50), new_id())


@pytest.mark.parametrize("after", [None, AFTER], ids=["first page", "next page"])
@pytest.mark.parametrize(
    "wanted",
    [
        OrderFilter(),
        OrderFilter(status=Status.PENDING),
        OrderFilter(phone="+491701234567"),
        OrderFilter(since=at(5)),
        OrderFilter(fulfilment=FulfilmentType.PICKUP),
        OrderFilter(status=Status.PENDING, phone="+491701234567", since=at(5)),
    ],
    ids=str,
)
def test_pages_of_orders_come_sorted_from_an_index(
    diner: Diner, wanted: OrderFilter, after: Cursor | None
) -> None:
    diner.orders.deliver([order(created_at=at(n)).as_accepted_by(P) for n in range(100)])
    diner.orders.page(wanted, after, 10)
    [plan] = diner.plans()
    assert "newest" in plan
    assert "COLLSCAN" not in plan
    assert "'SORT'" not in plan


def test_changed_orders_come_sorted_from_an_index(diner: Diner) -> None:
    diner.orders.deliver([order(created_at=at(n)).as_accepted_by(P) for n in range(100)])
    diner.orders.changed_since(ChangeCursor(at(50), new_id()), 10)
    [plan] = diner.plans()
    assert "'changed'" in plan
    assert "'SORT'" not in plan


@pytest.mark.parametrize("station", [None, "grill"])
def test_the_kitchen_looks_at_what_it_has_to_cook_and_at_nothing_else(
    diner: Diner, station: str | None
) -> None:
    def cooked(status: TicketStatus, count: int) -> list[Order]:
        tickets = (ticket(status),)
        return [order(created_at=at(n), tickets=tickets).as_accepted_by(P) for n in range(count)]

    diner.orders.deliver([order(created_at=at(n)).as_accepted_by(P) for n in range(50)])
    diner.orders.deliver([*cooked(TicketStatus.DONE, 50), *cooked(TicketStatus.NEW, 2)])
    diner.sent()
    diner.orders.in_kitchen(station, 10)
    [question] = diner.recorder.sent
    assert diner.looked_at(question) == 2
    [plan] = diner.plans()
    assert "'in_kitchen'" in plan


@pytest.mark.parametrize(
    "wanted",
    [CustomerFilter(), CustomerFilter(phone="+49"), CustomerFilter(email="ada@example.org")],
    ids=str,
)
def test_pages_of_customers_come_sorted_from_an_index(diner: Diner, wanted: CustomerFilter) -> None:
    diner.customers.deliver([customer(created_at=at(n)).as_accepted_by(P) for n in range(100)])
    diner.customers.page(wanted, AFTER, 10)
    [plan] = diner.plans()
    assert "newest" in plan
    assert "COLLSCAN" not in plan
    assert "'SORT'" not in plan


def test_conflicts_about_records_are_found_by_an_index(diner: Diner) -> None:
    records = [conflict(created_at=at(n)).as_accepted_by(P) for n in range(100)]
    diner.conflicts.deliver(records)
    diner.conflicts.about("orders", [each.record_id for each in records[:5]], None, 10)
    [plan] = diner.plans()
    assert "record_id_newest" in plan
    assert "loser_id_newest" in plan
    assert "COLLSCAN" not in plan


def test_older_orders_are_found_by_their_number_as_it_was_typed(diner: Diner) -> None:
    older, newer = (diner.orders.save(order(created_at=at(n))) for n in range(2))
    with diner.database.writing():
        diner.orders.collection.update_one(
            {"_id": older.id}, {"$unset": {"customer.phone_key": "", "erased_at": ""}}
        )
    wanted = OrderFilter(phone=older.customer.phone)
    assert diner.orders.page(wanted, None, 10).items == (newer,)
    assert diner.orders.get(older.id) == older
    for _ in range(2):
        diner.database.prepare()
        assert diner.orders.page(wanted, None, 10).items == (newer, older)


@pytest.mark.parametrize("state", [None, ConflictState.OPEN])
def test_pages_of_conflicts_come_sorted_from_an_index(
    diner: Diner, state: ConflictState | None
) -> None:
    diner.conflicts.deliver([conflict(created_at=at(n)).as_accepted_by(P) for n in range(100)])
    diner.conflicts.page(state, AFTER, 10)
    [plan] = diner.plans()
    assert "newest" in plan
    assert "'SORT'" not in plan


def test_the_menu_comes_sorted_from_an_index(diner: Diner) -> None:
    diner.menu_items.deliver([menu_item().as_accepted_by(P) for _ in range(100)])
    diner.menu_items.all()
    [plan] = diner.plans()
    assert "as_printed" in plan
    assert "'SORT'" not in plan


def test_fingerprints_and_buckets_read_nothing_but_an_index(diner: Diner) -> None:
    diner.orders.deliver([order().as_accepted_by(P) for _ in range(100)])
    for ask in (diner.orders.fingerprints, lambda: diner.orders.bucket_digests(7)):
        ask()
        [plan] = diner.plans()
        assert "'fingerprints'" in plan
        assert "FETCH" not in plan
        assert "COLLSCAN" not in plan


def test_debts_are_found_and_counted_by_an_index(diner: Diner) -> None:
    for number in range(50):
        diner.orders.accept(
            order(), outbox_entries(undelivered=number % 2 == 0) if number < 5 else ()
        )
    diner.orders.claim(P, 10, at(-1), at(60))
    [claim] = diner.plans()
    assert "'due_to_postgresql'" in claim
    assert "'SORT'" not in claim
    diner.orders.backlog(P)
    waiting, parked = diner.plans()
    assert "'parked_to_postgresql'" in parked
    assert "'due_to_postgresql'" in waiting
    assert "FETCH" not in waiting


def test_preparing_again_changes_nothing_and_mends_an_index_that_differs(diner: Diner) -> None:
    with diner.database.writing():
        orders = diner.orders.collection
        before = orders.index_information()
        orders.drop_index("newest")
        orders.create_index([("code", 1)], name="newest")
    for _ in range(2):
        diner.database.prepare()
    with diner.database.reading():
        assert orders.index_information() == before
