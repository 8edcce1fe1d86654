"""Demo data in stores: every kind of store, twice, in parts, and with a database away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dinerapp.demo import large, menu
from dinerapp.demo.progress import ignore_progress
from dinerapp.demo.week import ORDER_COUNT
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.payments import Method
from dinerapp.replication import bulk_loader
from dinerapp.replication.errors import StoreFailure, StoreUnavailable
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import OutboxEntry, Replica
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.version import StoreId
from dinerapp.runtime import seeding
from dinerapp.runtime.administration import await_catching_up, open_application
from dinerapp.runtime.container import Application
from dinerapp.runtime.settings import Settings
from tests.demo.audit import find_violations
from tests.demo.restaurants import SATURDAY_EVENING, memory_services

Opened = Callable[[], AbstractContextManager[Application]]
ITEMS, BATCH, FEW = 60, 100, 260
ALL_OF_IT = seeding.SeedResult(len(menu.DISHES), ORDER_COUNT, 4)
NOTHING = seeding.SeedResult(0, 0, 0)
NO_MONGO = "mongodb://127.0.0.1:9/diner"
EVERY_KIND = ("categories", "menu_items", "coupons", "orders", "tills")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few orders are several of them."""
    monkeypatch.setattr(bulk_loader, "BATCH_SIZE", BATCH)


@pytest.fixture
def settings(fresh_postgres_url: str, fresh_mongo_url: str) -> Settings:
    own: dict[str, Any] = {"database_url": fresh_postgres_url, "mongodb_uri": fresh_mongo_url}
    return seeding.with_long_deadlines(Settings(**own, secret_key="for tests"))


@contextmanager
def on_servers(settings: Settings) -> Iterator[Application]:
    with open_application(settings) as diner:
        await_catching_up(diner)
        yield diner


@pytest.fixture
def served(settings: Settings) -> Iterator[Application]:
    """On real databases."""
    with on_servers(settings) as diner:
        yield diner


@pytest.fixture(params=["in memory", "on servers"])
def diner(request: pytest.FixtureRequest) -> Iterator[Application]:
    if request.param == "on servers":
        yield request.getfixturevalue("served")
        return
    with memory_services() as diner:
        yield diner


def contents(store: Replica[Any]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    after = None
    while page := store.scan(after, 500):
        found.update((record.id, record) for record in page)
        after = page[-1].id
    return found


def everything(diner: Application) -> dict[str, dict[str, Record]]:
    """What both stores hold, after they were seen to hold the same."""
    for pair in diner.replication.pairs.values():
        assert contents(pair.primary) == contents(pair.backup), pair.kind_name
        assert [*diner.replication.anti_entropy.differences(pair)] == []
    return {
        kind: contents(diner.replication.pairs[kind].primary) for kind in diner.replication.pairs
    }


def assert_counted(diner: Application) -> None:
    """What is held of dishes and coupons is what living orders take, in both stores."""
    pair = diner.replication.pairs["orders"]
    for store in (pair.primary, pair.backup):
        held = Counter[str]()
        for order in contents(store).values():
            held.update(store.kind.reservations(order))
        counts = store.usage(held)
        assert {key: count.reserved for key, count in counts.items()} == held
        for key, count in counts.items():
            assert count.limit is None or count.reserved <= count.limit, key


def seeded(diner: Application) -> seeding.SeedResult:
    """The week before a busy evening."""
    return seeding.seed_week(diner, now=SATURDAY_EVENING)


def audited(held: dict[str, dict[str, Any]], now: datetime) -> list[str]:
    """What an auditor says about all orders."""
    items = held["menu_items"]
    return [one for order in held["orders"].values() for one in find_violations(order, items, now)]


def assert_nothing_is_owed(diner: Application) -> None:
    for place in (StoreId.POSTGRESQL, StoreId.MONGODB):
        backlog = diner.relay.backlog(place)
        assert (backlog.waiting, backlog.dead_letters) == (0, 0)


def test_a_week_is_added_once_and_both_stores_have_it(diner: Application) -> None:
    assert seeded(diner) == ALL_OF_IT
    first = everything(diner)
    assert len(first["orders"]) == ORDER_COUNT
    assert first["conflicts"] == {}
    assert_counted(diner)
    assert audited(first, SATURDAY_EVENING) == []
    assert seeded(diner) == NOTHING
    assert everything(diner) == first


def test_tills_hold_what_was_paid_into_them(served: Application) -> None:
    seeded(served)
    tills = served.of(OrderingServices).till.page(None, None, 100).items
    assert [till.is_open for till in tills] == [True, *(False for _ in tills[1:])]
    assert 6 <= len(tills) <= 9
    orders: Any = contents(served.replication.pairs["orders"].primary).values()
    payments = [payment for order in orders for payment in order.payments]
    for till in tills:
        through = [payment for payment in payments if payment.till_id == till.id]
        cash = sum(payment.amount for payment in through if payment.method is Method.CASH)
        assert served.of(OrderingServices).till.get(till.id).expected == till.opening + cash
        assert till.is_open or till.expected == till.opening + cash
        assert all(till.created_at <= payment.at for payment in through)
        assert all(till.closed_at is None or payment.at <= till.closed_at for payment in through)
    assert sum(till.expected != till.counted for till in tills[1:]) == 1


def test_what_an_operator_has_removed_stays_removed() -> None:
    with memory_services() as diner:
        seeded(diner)
        assert_removed_for_good(diner)


def assert_removed_for_good(diner: Application) -> None:
    gone = {}
    for kind in EVERY_KIND:
        repository, pair = diner.repositories[kind], diner.replication.pairs[kind]
        record: Any = next(iter(contents(pair.primary).values()))
        repository.delete(replace(record, op_id=new_op_id()))
        gone[kind] = record.id
    before = everything(diner)
    assert seeded(diner) == NOTHING
    assert everything(diner) == before
    assert all(before[kind][key].deleted for kind, key in gone.items())


def test_what_was_interrupted_is_the_same_week_in_the_end(served: Application) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, _of: int) -> None:
        if done == 50:
            raise Interrupted

    with pytest.raises(Interrupted):
        seeding.seed_week(served, interrupt, SATURDAY_EVENING)
    begun: Any = contents(served.replication.pairs["orders"].primary)
    assert len(begun) == 50
    later = SATURDAY_EVENING + timedelta(days=3)
    assert seeding.seed_week(served, now=later).orders == ORDER_COUNT - 50
    orders: Any = everything(served)["orders"]
    assert max(order.created_at for order in orders.values()) == SATURDAY_EVENING
    assert_counted(served)


@pytest.mark.parametrize("away", [StoreId.POSTGRESQL, StoreId.MONGODB])
def test_a_week_is_added_while_a_database_is_away(settings: Settings, away: StoreId) -> None:
    with on_servers(settings):
        pass
    nowhere: dict[StoreId, dict[str, Any]] = {
        StoreId.POSTGRESQL: {"database_url": "postgresql://127.0.0.1:9/diner"},
        StoreId.MONGODB: {"mongodb_uri": NO_MONGO},
    }
    with open_application(replace(settings, **nowhere[away])) as diner:
        assert seeded(diner) == ALL_OF_IT
        assert seeded(diner) == NOTHING
    with on_servers(settings) as diner:
        assert len(everything(diner)["orders"]) == ORDER_COUNT
        assert_counted(diner)
        assert seeded(diner) == NOTHING


def test_without_the_demo_menu_there_is_nothing_to_order() -> None:
    with memory_services() as diner:
        seeded(diner)
        for item in diner.of(OrderingServices).menu.all():
            diner.repositories["menu_items"].delete(replace(item, op_id=new_op_id()))
        assert seeded(diner) == NOTHING


def test_of_a_dish_that_is_sold_out_no_more_is_ordered() -> None:
    with memory_services() as diner:
        menu.seed(diner.of(OrderingServices).menu, diner.of(OrderingServices).categories)
        for item in diner.of(OrderingServices).menu.all():
            if item.stock_limit is not None:
                changed = item.with_changes(op_id=new_op_id(), now=utc_now(), stock_limit=1)
                diner.repositories["menu_items"].save(changed)
        added = seeded(diner).orders
        assert ORDER_COUNT / 2 < added < ORDER_COUNT
        assert_counted(diner)


def test_a_large_house_is_filled_once_and_nothing_is_owed(served: Application) -> None:
    seen: list[tuple[int, int]] = []
    added = seeding.seed_large(served, lambda *done: seen.append(done), ITEMS, FEW)
    assert added == seeding.SeedResult(ITEMS, FEW)
    assert seen == [(0, FEW), (BATCH, FEW), (2 * BATCH, FEW), (FEW, FEW)]
    first = everything(served)
    assert (len(first["menu_items"]), len(first["orders"])) == (ITEMS, FEW)
    assert first["conflicts"] == {}
    assert_counted(served)
    assert_nothing_is_owed(served)
    assert seeding.seed_large(served, ignore_progress, ITEMS, FEW) == NOTHING
    assert everything(served) == first


def test_orders_of_long_ago_are_nobody_s_business_any_more(served: Application) -> None:
    seeding.seed_large(served, ignore_progress, ITEMS, FEW)
    held, now = everything(served), utc_now()
    assert audited(held, now) == []
    orders: Any = held["orders"].values()
    waiting = {order.id for order, _ in served.of(OrderingServices).kitchen.board(None).orders}
    assert waiting == {o.id for o in orders if any(ticket.is_open for ticket in o.tickets)}
    assert all((now - o.created_at).days < 1 for o in orders if o.id in waiting)
    stream = served.of(OrderingServices).order_feed.stream(None)
    served.of(OrderingServices).order_feed.step()
    while (update := stream.next(0.1)) is not None:
        assert (now - update.order.updated_at).total_seconds() < 60
    stream.close()


def test_a_large_house_goes_on_where_it_was(served: Application) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, _of: int) -> None:
        if done >= BATCH:
            raise Interrupted

    with pytest.raises(Interrupted):
        seeding.seed_large(served, interrupt, ITEMS, FEW)
    begun = contents(served.replication.pairs["orders"].primary)
    assert BATCH <= len(begun) < FEW
    added = seeding.seed_large(served, ignore_progress, ITEMS, FEW)
    assert added == seeding.SeedResult(0, FEW - len(begun))
    kept = everything(served)["orders"]
    assert {key: kept[key] for key in begun} == begun
    assert_nothing_is_owed(served)
    assert_counted(served)


def test_what_only_one_store_got_is_brought_to_the_other_and_is_not_owed_any_more(
    diner: Application,
) -> None:
    """As after a kill between the two stores: one has a batch, and owes it."""
    bulk_loader, pair = (
        diner.bulk_loaders["menu_items"],
        diner.replication.pairs["menu_items"],
    )
    made = large.LargeMenu(ITEMS, utc_now())
    alone = diner.repositories["menu_items"].stores[0].store  # type: ignore[attr-defined]
    other = pair.peer_of(alone.store_id)
    states = [item.as_accepted_by(alone.store_id) for item in made.items[:20]]
    alone.deliver(states, [OutboxEntry(other.store_id, utc_now(), undelivered=False)])
    assert alone.backlog(other.store_id).waiting == 20
    assert large.seed_menu(made, diner.bulk_loaders["categories"], bulk_loader) == ITEMS - 20
    assert len(everything(diner)["menu_items"]) == ITEMS
    assert_nothing_is_owed(diner)


def test_what_was_changed_or_removed_of_a_large_house_stays_so(diner: Application) -> None:
    seeding.seed_large(diner, ignore_progress, ITEMS, 10)
    repository = diner.repositories["menu_items"]
    one, other = diner.of(OrderingServices).menu.all()[:2]
    repository.delete(replace(one, op_id=new_op_id()))
    repository.save(other.with_changes(op_id=new_op_id(), now=utc_now(), price=1))
    assert seeding.seed_large(diner, ignore_progress, ITEMS, 10) == NOTHING
    found: Any = everything(diner)["menu_items"]
    assert found[one.id].deleted
    assert found[other.id].price == 1


def test_a_large_house_wants_every_database_that_is_configured(settings: Settings) -> None:
    with (
        open_application(replace(settings, mongodb_uri=NO_MONGO)) as diner,
        pytest.raises(StoreUnavailable, match="mongodb"),
    ):
        seeding.seed_large(diner, ignore_progress, ITEMS, 10)


def test_a_store_that_is_lost_on_the_way_misses_a_batch_and_gets_it_when_it_is_back(
    settings: Settings,
) -> None:
    with on_servers(settings) as diner:
        pair: Any = diner.replication.pairs["orders"]
        postgres, mongo = pair.store_of(StoreId.POSTGRESQL), pair.store_of(StoreId.MONGODB)
        with pytest.raises(StoreFailure, match="mongodb"):
            seeding.seed_large(diner, lambda *_: mongo.database.close(), ITEMS, FEW)
        backlog = postgres.backlog(StoreId.MONGODB)
        assert (backlog.waiting, backlog.undelivered) == (BATCH, BATCH)
    with on_servers(settings) as diner:
        assert len(everything(diner)["orders"]) == BATCH
        assert seeding.seed_large(diner, ignore_progress, ITEMS, FEW).orders == FEW - BATCH
        assert_nothing_is_owed(diner)
        assert_counted(diner)
        everything(diner)


def test_a_large_house_is_content_with_one_database(settings: Settings) -> None:
    with open_application(replace(settings, mongodb_uri=None)) as diner:
        added = seeding.seed_large(diner, ignore_progress, ITEMS, FEW)
        assert added == seeding.SeedResult(ITEMS, FEW)
        assert seeding.seed_large(diner, ignore_progress, ITEMS, FEW) == NOTHING
    with on_servers(settings) as diner:
        assert len(everything(diner)["orders"]) == FEW
        assert_counted(diner)
