"""Who is erased is gone from both databases, whichever was there and wherever it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from dinerapp.accounts.domain.permissions import Role
from dinerapp.accounts.domain.users import User
from dinerapp.messaging.domain.messages import Message
from dinerapp.messaging.services.erasure import messages_of_people
from dinerapp.ordering.domain.customers import PhoneIdentity
from dinerapp.ordering.domain.orders import (
    Fulfilment,
    FulfilmentType,
    HistoryStep,
    Order,
    OrderContact,
    Status,
)
from dinerapp.ordering.ports.customers import CustomerFilter
from dinerapp.ordering.ports.orders import OrderFilter
from dinerapp.ordering.services.customers import CustomerService
from dinerapp.replication import conflicts, paging
from dinerapp.replication.errors import NoStoreAvailable, NotFound
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.ports.database import Database
from dinerapp.replication.ports.replica import Backlog, OutboxEntry
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.relay import Relay
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.store_pair import StorePair
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import (
    MONGO_STORES,
    PORTS,
    compose_stores,
    open_stores,
    stores_of,
)
from tests.contracts.samples import Repositories, Stores, run_concurrently, scan_all
from tests.factories import line, message, order, other_store, user

P, M, _ = StoreId
PHONE = "+4930555123"
PERSONAL = ("Lovelace", "30555123", "30 555 123", "@example.org", "Main Street", "allergic")
"""What must be found nowhere, in whatever way it is written down."""


@dataclass
class House:
    """Two databases, both of them as one, and a relay between them."""

    stores: dict[StoreId, Stores]
    repositories: Repositories
    relay: Relay
    recognition: PhoneIdentity

    @property
    def service(self) -> CustomerService:
        kinds = self.repositories
        said = kinds.direct_messages, kinds.channel_messages
        return CustomerService(
            kinds.customers,
            kinds.orders,
            kinds.users,
            kinds.conflicts,
            self.recognition,
            [*map(messages_of_people, said)],
        )

    def place(self, **fields: Any) -> Order:
        """An order that says everything one can say, and its guest remembered."""
        placed: Order = self.repositories.orders.save(told(**fields))
        self.service.remember(placed)
        return placed

    def person(self, **fields: Any) -> User:
        """Somebody with an account."""
        found: User = self.repositories.users.save(user(email=f"{new_id()}@guests.test", **fields))
        return found

    def say(self, author: User, kind: str = "direct_messages", **fields: Any) -> Message:
        """All that one can say at once."""
        told = {"content": "Lovelace is allergic", "file_url": "https://a.example.org/1"}
        made = message(**{"author_id": author.id, "created_at": utc_now(), **told, **fields})
        said: Message = getattr(self.repositories, kind).save(made)
        return said

    @property
    def customer_id(self) -> str:
        return self.recognition.id_of(PHONE)

    def erase(self) -> None:
        self.service.erase(self.customer_id, Operation.without_key())

    def loses(self, store_id: StoreId) -> None:
        """The database is gone, and everybody knows."""
        self.stores[store_id].database.close()
        self._new_health(store_id).trip("for a test")

    def regains(self, store_id: StoreId) -> None:
        """The database is back, and receives what it missed before it is up."""
        self.stores[store_id].database.open()
        health = self._new_health(store_id)
        attempt = health.start_catch_up("for a test")
        self.acknowledge()
        health.finish_catch_up(attempt)

    def acknowledge(self) -> None:
        """Everything that is owed either way is shipped."""
        while any(self.relay.ship_to(place) for place in self.stores):
            pass
        for place in self.stores:
            assert self.relay.backlog(place) == Backlog()

    def _new_health(self, store_id: StoreId) -> Any:
        return next(s.health for s in self.repositories.orders.stores if s.store_id is store_id)

    def traces(self) -> dict[str, list[str]]:
        """Where which words about the guest are still found, by database."""
        written = {place: raw(stores.database) for place, stores in self.stores.items()}
        return {
            place: found
            for place, text in written.items()
            if (found := [word for word in PERSONAL if word in text])
        }

    def differing(self) -> list[str]:
        """Kinds of which the databases do not hold the same."""
        one, other = self.stores.values()
        return [
            name for name in PORTS if scan_all(getattr(one, name)) != scan_all(getattr(other, name))
        ]

    def total(self) -> int:
        return sum(each.total for each in scan_all(next(iter(self.stores.values())).orders))


def raw(database: Database) -> str:
    """Every row and document there is, as text."""
    if isinstance(database, PostgresDatabase):
        tables = database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row["tablename"] for row in tables]
        rows = [database.fetch(f"SELECT t::text AS row FROM {name} t") for name in names]  # noqa: S608
        return "\n".join(row["row"] for each in rows for row in each)
    assert isinstance(database, MongoDatabase)
    with database.reading():
        found = [list(database.collection(name).find({})) for name in (*PORTS, "counters")]
    return "\n".join(map(str, found))


def told(**fields: Any) -> Order:
    """An order that says everything one can say of a guest."""
    return replace(
        order(
            order_lines=(line(notes="allergic: nuts"), line(quantity=2)),
            customer=OrderContact(
                name="Ada Lovelace",
                phone="030 555 123",
                email="ada@example.org",
                phone_key=PHONE,
            ),
            fulfilment=Fulfilment(type=FulfilmentType.DELIVERY, address="1 Main Street"),
            notes="allergic, too",
            created_at=utc_now(),
            history=(
                HistoryStep(
                    at=utc_now(), status=Status.PENDING, actor="guest", reason="for Lovelace"
                ),
            ),
            **fields,
        )
    ).with_status(
        Status.CONFIRMED,
        actor="staff",
        reason="Lovelace called",
        op_id=new_op_id(),
        now=utc_now(),
    )


def house_of(one: Stores, other: Stores) -> House:
    repositories = compose_stores(one, other)
    replicator = Replicator(
        MergePolicy(), save_conflict=lambda each: repositories.conflicts.save(each)
    )
    pairs = [StorePair(getattr(one, name), getattr(other, name)) for name in PORTS]
    later = lambda: utc_now() + timedelta(minutes=1)  # noqa: E731
    return House(
        {store.database.store_id: store for store in (one, other)},
        repositories,
        Relay(pairs, replicator, now=later),
        PhoneIdentity("for tests", "DE"),
    )


@pytest.fixture
def quick() -> Iterator[House]:
    """In memory."""
    one, other = (stores_of(MONGO_STORES, MemoryDatabase(place)) for place in (P, M))
    with open_stores(one), open_stores(other):
        yield house_of(one, other)


@pytest.fixture
def real(postgresql: Stores, mongodb: Stores) -> Iterator[House]:
    """On real servers."""
    yield house_of(postgresql, mongodb)
    for stores in (postgresql, mongodb):
        stores.database.open()


@pytest.fixture(params=["quick", "real"])
def house(request: pytest.FixtureRequest) -> House:
    found: House = request.getfixturevalue(request.param)
    return found


def test_the_words_are_there_at_first(house: House) -> None:
    house.place()
    assert house.traces() == {place: list(PERSONAL) for place in (P, M)}


def test_nothing_personal_is_left_in_either_database_and_the_books_are_complete(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "AT_ONCE", 3)
    for _ in range(8):
        house.place()
    others = house.repositories.orders.save(order())
    before = house.total()
    house.erase()
    assert house.traces() == {}
    assert house.differing() == []
    assert house.total() == before
    assert house.repositories.orders.get(others.id) == others
    with pytest.raises(NotFound):
        house.service.get(house.customer_id)
    assert house.service.page(CustomerFilter(phone=PHONE), None, 9).items == ()


@pytest.mark.parametrize("away", [P, M])
def test_a_database_that_was_down_meanwhile_brings_nothing_back(
    house: House, away: StoreId
) -> None:
    for _ in range(3):
        house.place()
    before = house.total()
    house.loses(away)
    house.erase()
    house.regains(away)
    assert house.traces() == {}
    assert house.differing() == []
    assert house.total() == before
    assert house.repositories.conflicts.open_count() == 0


@pytest.mark.parametrize("away", [P, M])
def test_what_a_database_that_was_cut_off_took_meanwhile_brings_nothing_back(
    house: House, away: StoreId
) -> None:
    first, second = house.place(), house.place()
    house.loses(away)
    house.erase()
    house.stores[away].database.open()
    there, owing = house.stores[away], [OutboxEntry(other_store(away), utc_now(), undelivered=True)]
    noted = first.with_changes(op_id=new_op_id(), now=utc_now(), notes="allergic, Lovelace says")
    there.orders.accept(noted, owing)
    ready = second.with_status(
        Status.PREPARING, actor="chef", reason="Lovelace waits", op_id=new_op_id(), now=utc_now()
    )
    there.orders.accept(ready, owing)
    known = there.customers.get(house.customer_id)
    there.customers.accept(
        known.with_changes(op_id=new_op_id(), now=utc_now(), notes="Lovelace is allergic"), owing
    )
    house.regains(away)
    assert house.traces() == {}
    assert house.differing() == []
    assert house.repositories.orders.get(second.id).status is Status.PREPARING


@pytest.mark.parametrize("away", [None, P, M])
def test_conflicts_tell_nothing_of_the_guest_either(house: House, away: StoreId | None) -> None:
    placed = house.place()
    other = placed.with_changes(op_id=new_op_id(), now=utc_now(), notes="Lovelace")
    customer = house.service.get(house.customer_id)
    states: list[tuple[str, Record, Record]] = [
        ("orders", placed, other),
        ("customers", customer, replace(customer, notes="Lovelace")),
    ]
    for kind, winner, loser in states:
        filed = conflicts.from_states(kind, winner, loser, "why", utc_now())
        house.repositories.conflicts.save(filed)
    if away is not None:
        house.loses(away)
    house.erase()
    if away is not None:
        house.regains(away)
    assert house.traces() == {}
    assert house.differing() == []
    [_, about_order] = house.repositories.conflicts.page(None, None, 9).items
    assert about_order.winner["total"] == placed.total


WORDS = ("direct_messages", "channel_messages")


@pytest.mark.parametrize("away", [None, P, M])
def test_what_the_guest_said_is_taken_back_in_both_databases(
    house: House, monkeypatch: pytest.MonkeyPatch, away: StoreId | None
) -> None:
    monkeypatch.setattr(paging, "AT_ONCE", 2)
    guest, waiter = house.person(), house.person(role=Role.WAITER)
    placed = house.place(user_id=guest.id)
    house.place(user_id=waiter.id)
    said = {kind: [house.say(guest, kind, order_id=placed.id) for _ in range(3)] for kind in WORDS}
    removed = house.say(guest)
    house.repositories.direct_messages.save(
        removed.as_removed(waiter.id, op_id=new_op_id(), now=utc_now())
    )
    others = house.say(waiter, content="The bill, please", file_url=None)
    if away is not None:
        house.loses(away)
    house.erase()
    if away is not None:
        house.regains(away)
    assert house.traces() == {}
    assert house.differing() == []
    for kind, messages in said.items():
        for before in messages:
            left = getattr(house.repositories, kind).get(before.id)
            assert (left.content, left.file_url, left.order_id) == ("", None, None)
            assert left.is_removed
            assert (left.room_id, left.created_at) == (before.room_id, before.created_at)
    assert house.repositories.direct_messages.get(removed.id).removed_by == waiter.id
    assert house.repositories.direct_messages.get(others.id) == others


@pytest.mark.parametrize("away", [P, M])
def test_an_edit_that_a_database_took_meanwhile_brings_no_words_back(
    house: House, away: StoreId
) -> None:
    guest = house.person()
    house.place(user_id=guest.id)
    said = house.say(guest)
    house.loses(away)
    house.erase()
    there = house.stores[away]
    there.database.open()
    edited = said.with_content("Lovelace, I said", op_id=new_op_id(), now=utc_now())
    there.direct_messages.accept(
        edited, [OutboxEntry(other_store(away), utc_now(), undelivered=True)]
    )
    house.regains(away)
    assert house.traces() == {}
    assert house.differing() == []


def test_people_who_order_for_the_guest_keep_their_words(quick: House) -> None:
    waiter, friend = quick.person(role=Role.WAITER), quick.person(phone="+49 30 999999")
    guest = quick.person(phone="(030) 555-123")
    for each in (waiter, friend, guest):
        quick.place(user_id=each.id)
    kept = [quick.say(each, content="hello", file_url=None) for each in (waiter, friend)]
    quick.say(guest)
    quick.erase()
    messages = quick.repositories.direct_messages
    assert [messages.get(each.id) for each in kept] == kept
    assert quick.traces() == {}


def test_what_is_said_after_the_erasure_stays(quick: House) -> None:
    guest = quick.person()
    placed = quick.place(user_id=guest.id)
    quick.erase()
    later = quick.say(guest, content="hello again", created_at=utc_now() + timedelta(seconds=1))
    quick.service.remember(placed)
    assert quick.repositories.direct_messages.get(later.id) == later


def test_an_order_that_comes_to_light_later_is_erased_when_it_is_followed_up(quick: House) -> None:
    quick.place()
    late = told()
    quick.erase()
    late = quick.repositories.orders.save(late)
    assert quick.traces() != {}
    quick.service.remember(late)
    assert quick.traces() == {}
    assert quick.repositories.orders.get(late.id).total == late.total


def test_a_late_follow_up_brings_nobody_back(quick: House) -> None:
    placed = quick.place()
    quick.erase()
    quick.service.remember(placed)
    assert quick.traces() == {}
    with pytest.raises(NotFound):
        quick.service.get(quick.customer_id)


def test_whoever_orders_later_is_a_new_acquaintance_and_can_be_erased_again(house: House) -> None:
    house.place()
    house.erase()
    again = house.place()
    known = house.service.get(house.customer_id)
    assert known.first_seen == again.created_at
    assert house.service.orders(known.id, None, 9).items == (again,)
    house.erase()
    assert house.traces() == {}
    assert house.differing() == []


def test_somebody_who_orders_many_times_at_once_is_one_customer(house: House) -> None:
    orders = [house.repositories.orders.save(told()) for _ in range(4)]
    results = run_concurrently([partial(house.service.remember, each) for each in orders])
    assert results == [None] * 4
    for each in orders:
        house.service.remember(each)
    [known] = house.service.page(CustomerFilter(phone=PHONE), None, 9).items
    placed = [each.created_at for each in orders]
    assert (known.first_seen, known.last_seen) == (min(placed), max(placed))
    house.acknowledge()
    assert house.differing() == []


def test_what_was_remembered_is_not_written_again(quick: House) -> None:
    first, second = quick.place(), quick.place()
    known = quick.service.get(quick.customer_id)
    for order_ in (second, first, second):
        quick.service.remember(order_)
    assert quick.service.get(quick.customer_id) == known


def test_a_repeated_request_does_not_erase_what_came_later(quick: House) -> None:
    quick.place()
    operation = Operation.from_key("customers.erase", "key", b"")
    assert quick.service.erase(quick.customer_id, operation).changed
    again = quick.place()
    done = quick.service.erase(quick.customer_id, operation)
    assert (done.replayed, done.changed) == (True, False)
    assert quick.repositories.orders.get(again.id).erased_at is None


def test_customers_of_another_secret_key_with_the_same_number_are_erased_too(quick: House) -> None:
    quick.place()
    quick.recognition = PhoneIdentity("another key", "DE")
    quick.place()
    assert len(quick.service.page(CustomerFilter(phone=PHONE), None, 9).items) == 2
    quick.erase()
    assert quick.traces() == {}


def test_without_any_database_it_is_refused_and_can_be_repeated(quick: House) -> None:
    quick.place()
    for place in (P, M):
        quick.loses(place)
    with pytest.raises(NoStoreAvailable):
        quick.erase()
    for place in (P, M):
        quick.stores[place].database.open()
    for place in (P, M):
        quick.regains(place)
    quick.erase()
    assert quick.traces() == {}


class Death(BaseException):
    """The process is gone in the middle of it."""


def mortal(save: Callable[[Any], Any], left: Iterator[int]) -> Callable[[Any], Any]:
    """Saves until there is nothing left to live for; the last save is still made."""

    def saved(record: Any) -> Any:
        done = save(record)
        if next(left) <= 0:
            raise Death
        return done

    return saved


def test_wherever_it_dies_it_is_repeated_to_its_end(
    quick: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "AT_ONCE", 2)
    for steps in range(100):
        guest = quick.person()
        for _ in range(3):
            placed = quick.place(user_id=guest.id)
            quick.say(guest)
            other = placed.with_changes(op_id=new_op_id(), now=utc_now(), notes="Lovelace")
            filed = conflicts.from_states("orders", placed, other, "why", utc_now())
            quick.repositories.conflicts.save(filed)
        left = count(steps, -1)
        try:
            with monkeypatch.context() as dying:
                for kind in ("orders", "customers", "conflicts", "direct_messages"):
                    repository = getattr(quick.repositories, kind)
                    dying.setattr(repository, "save", mortal(repository.save, left))
                quick.erase()
        except Death:
            quick.erase()
            assert quick.traces() == {}, steps
        else:
            assert steps > 6
            assert quick.traces() == {}
            assert quick.differing() == []
            return
    pytest.fail("it never came to an end")


def test_a_guest_with_very_many_orders_is_read_a_page_at_a_time(
    quick: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[int] = []
    ask = quick.repositories.orders.page

    def page(filter_: OrderFilter, after: Any, limit: int) -> Any:
        found = ask(filter_, after, limit)
        wanted.append(len(found.items))
        return found

    quick.service.remember(told())
    quick.stores[P].orders.deliver([told().as_accepted_by(P) for _ in range(105)])
    monkeypatch.setattr(paging, "AT_ONCE", 10)
    monkeypatch.setattr(quick.repositories.orders, "page", page)
    quick.erase()
    assert max(wanted) == 10
    assert sum(wanted) == 105
    quick.acknowledge()
    assert quick.traces() == {}
