"""Counted things beyond what the diner's own kinds do with them: a kind that holds and limits the
same thing, a default limit, and what becomes of two records that hold one thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pymongo import MongoClient

from adapters.memory.database import MemoryDatabase
from adapters.mongo.database import MongoDatabase
from adapters.postgres.database import PostgresDatabase
from dinerapp.replication.conflict_service import ConflictService
from dinerapp.replication.conflicts import Conflict
from dinerapp.replication.errors import Exhausted, RuleViolation
from dinerapp.replication.identity import Operation, new_id, new_op_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.ports.replica import ApplyOutcome
from dinerapp.replication.ports.repository import Usage
from dinerapp.replication.replicator import Replicator
from dinerapp.replication.version import StoreId
from tests.contracts.conftest import (
    PreparedStores,
    compose_stores,
    empty_mongodb,
    empty_postgresql,
    open_stores,
    reference_stores,
    stores_of,
)
from tests.contracts.counted import (
    MONGO_STORES,
    PORTS,
    POSTGRES_STORES,
    Booking,
    booking,
    pool,
)
from tests.contracts.over import over_everything, over_shared_repositories, over_stores
from tests.contracts.replica.shorthand import M, P
from tests.contracts.samples import (
    Repositories,
    Stores,
    accepted_again_by,
    accepted_by,
    ids,
    run_concurrently,
    scan_all,
)
from tests.factories import at
from tests.servers.control import RealServer, url_of_database

MANY = 50


@pytest.fixture
def reference() -> Stores:
    return reference_stores(StoreId.POSTGRESQL, PORTS)


@pytest.fixture
def memory() -> Iterator[Stores]:
    with open_stores(stores_of(MONGO_STORES, MemoryDatabase(StoreId.POSTGRESQL))) as stores:
        yield stores


@pytest.fixture(scope="module")
def prepared_postgresql(postgres_server: RealServer) -> Iterator[PreparedStores]:
    name = f"counted_{uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = url_of_database(postgres_server.url, name)
    stores = stores_of(POSTGRES_STORES, PostgresDatabase(url))
    with open_stores(stores), psycopg.connect(url, autocommit=True) as connection:
        yield stores, partial(empty_postgresql, connection)


@pytest.fixture(scope="module")
def prepared_mongodb(mongo_server: RealServer) -> Iterator[PreparedStores]:
    url = url_of_database(mongo_server.url, f"counted_{uuid4().hex}")
    stores = stores_of(MONGO_STORES, MongoDatabase(url))
    client: MongoClient[dict[str, Any]]
    with open_stores(stores), MongoClient(url) as client:
        yield stores, partial(empty_mongodb, client.get_default_database())


@pytest.fixture
def fallback_of_references(reference: Stores) -> Repositories:
    return compose_stores(reference, reference_stores(StoreId.MONGODB, PORTS), PORTS)


@pytest.fixture
def postgresql_then_mongodb(postgresql: Stores, mongodb: Stores) -> Repositories:
    return compose_stores(postgresql, mongodb, PORTS)


@pytest.fixture
def mongodb_then_postgresql(postgresql: Stores, mongodb: Stores) -> Repositories:
    return compose_stores(mongodb, postgresql, PORTS)


def changed(record: Any, **fields: Any) -> Any:
    return record.with_changes(op_id=new_op_id(), now=at(1), **fields)


def usage(repositories: Repositories, key: str) -> Usage:
    """Of a store, or of the first store of a composite."""
    own = repositories.bookings
    store = own if hasattr(own, "usage") else own.stores[0].store
    count: Usage = store.usage([key])[key]
    return count


def table() -> str:
    return f"table:{new_id()}"


@over_everything
class TestHoldingAndLimiting:
    """A record that takes of what it limits itself."""

    def test_what_it_takes_is_counted_against_its_own_limit(
        self, repositories: Repositories
    ) -> None:
        saved = repositories.pools.save(pool(size=5, taken=3))
        assert usage(repositories, saved.key) == Usage(3, 5)
        saved = repositories.pools.save(changed(saved, taken=5))
        with pytest.raises(Exhausted) as refused:
            repositories.pools.save(changed(saved, taken=6))
        assert refused.value.key == saved.key
        assert usage(repositories, saved.key) == Usage(5, 5)

    def test_a_first_state_that_takes_more_than_it_allows_is_refused(
        self, repositories: Repositories
    ) -> None:
        refused = pool(size=2, taken=3)
        with pytest.raises(Exhausted):
            repositories.pools.save(refused)
        assert usage(repositories, refused.key).reserved == 0

    def test_a_write_that_raises_the_limit_may_take_of_it(self, repositories: Repositories) -> None:
        saved = repositories.pools.save(pool(size=2, taken=2))
        repositories.pools.save(changed(saved, size=6, taken=5))
        assert usage(repositories, saved.key) == Usage(5, 6)

    def test_a_write_that_lowers_the_limit_below_what_it_takes_is_refused(
        self, repositories: Repositories
    ) -> None:
        saved = repositories.pools.save(pool(size=6, taken=2))
        with pytest.raises(Exhausted):
            repositories.pools.save(changed(saved, size=4, taken=5))
        assert usage(repositories, saved.key) == Usage(2, 6)

    def test_a_lower_limit_keeps_what_is_taken_already(self, repositories: Repositories) -> None:
        saved = repositories.pools.save(pool(size=6, taken=5))
        saved = repositories.pools.save(changed(saved, size=2))
        saved = repositories.pools.save(changed(saved, size=2, taken=4))
        assert usage(repositories, saved.key) == Usage(4, 2)

    def test_a_limit_can_be_lifted(self, repositories: Repositories) -> None:
        saved = repositories.pools.save(pool(size=1, taken=1))
        saved = repositories.pools.save(changed(saved, size=None, taken=100))
        assert usage(repositories, saved.key) == Usage(100, None)
        repositories.pools.delete(changed(saved))
        assert usage(repositories, saved.key) == Usage(0, None)

    def test_what_one_kind_limits_another_takes(self, repositories: Repositories) -> None:
        saved = repositories.pools.save(pool(size=4, taken=1))
        held = repositories.bookings.save(booking(saved.key, quantity=3))
        with pytest.raises(Exhausted):
            repositories.bookings.save(booking(saved.key))
        repositories.bookings.delete(changed(held))
        assert usage(repositories, saved.key) == Usage(1, 4)


@over_stores
class TestDeliveredPools:
    """States of such records that another store accepted."""

    def test_deliveries_are_counted_and_not_refused(self, stores: Stores) -> None:
        states = [accepted_by(pool(size=1, taken=number), P) for number in range(5)]
        stores.pools.deliver(states)
        assert [stores.pools.usage([it.key])[it.key] for it in states] == [
            Usage(number, 1) for number in range(5)
        ]
        later = [accepted_again_by(it, M, size=2, taken=it.taken + 1) for it in states]
        for state in later:
            stores.pools.deliver([state])
        stores.pools.deliver(states)
        assert [stores.pools.usage([it.key])[it.key] for it in states] == [
            Usage(number + 1, 2) for number in range(5)
        ]

    def test_of_a_limit_that_a_batch_says_twice_the_last_one_is_kept(self, stores: Stores) -> None:
        first = pool(size=9, taken=1)
        states = [
            first,
            replace(pool(size=2, taken=1), key=first.key),
            replace(pool(size=5, taken=1), key=first.key),
        ]
        answers = stores.pools.deliver([accepted_by(it, P) for it in states])
        assert {answer.outcome for answer in answers} == {ApplyOutcome.STORED}
        assert usage(stores, first.key) == Usage(3, 5)

    def test_a_merged_state_takes_the_place_of_the_other(self, stores: Stores) -> None:
        ours = accepted_by(pool(size=3, taken=3), P)
        stores.pools.deliver([ours])
        merged = accepted_again_by(ours, M, size=1, taken=2).with_history_of(ours)
        assert stores.pools.replace(ours, merged)
        assert usage(stores, ours.key) == Usage(2, 1)


@over_everything
class TestDefaultLimit:
    """What no record limits."""

    def test_no_table_twice(self, repositories: Repositories) -> None:
        key, other = table(), table()
        assert usage(repositories, key) == Usage(0, None)
        saved = repositories.bookings.save(booking(key))
        assert usage(repositories, key) == Usage(1, 1)
        with pytest.raises(Exhausted) as refused:
            repositories.bookings.save(booking(other, key))
        assert refused.value.key == key
        assert usage(repositories, other).reserved == 0
        moved = repositories.bookings.save(changed(saved, keys=(other,)))
        repositories.bookings.save(booking(key))
        repositories.bookings.delete(changed(moved))
        repositories.bookings.save(booking(other))

    def test_a_first_hold_beyond_it_is_refused(self, repositories: Repositories) -> None:
        key = table()
        with pytest.raises(Exhausted):
            repositories.bookings.save(booking(key, quantity=2))
        repositories.pairs.save(booking(key, quantity=2))
        with pytest.raises(Exhausted):
            repositories.pairs.save(booking(key))

    def test_a_record_that_stays_where_it_is_is_not_in_its_own_way(
        self, repositories: Repositories
    ) -> None:
        key = table()
        saved = repositories.bookings.save(booking(key))
        for number in range(3):
            saved = repositories.bookings.save(changed(saved, name=str(number)))
        assert usage(repositories, key) == Usage(1, 1)

    def test_a_limit_that_a_record_says_comes_first_and_the_default_after_it(
        self, repositories: Repositories
    ) -> None:
        limiting = repositories.pools.save(pool(size=3))
        for _ in range(3):
            repositories.bookings.save(booking(limiting.key))
        with pytest.raises(Exhausted):
            repositories.bookings.save(booking(limiting.key))
        closed = repositories.pools.save(pool(size=0))
        with pytest.raises(Exhausted):
            repositories.bookings.save(booking(closed.key))
        repositories.pools.save(changed(closed, size=None))
        repositories.bookings.save(booking(closed.key))
        assert usage(repositories, closed.key) == Usage(1, 1)
        with pytest.raises(Exhausted):
            repositories.bookings.save(booking(closed.key))


@over_stores
class TestDeliveredBookings:
    """The default limit of what another store accepted."""

    def test_a_delivery_says_the_limit_and_is_not_refused(self, stores: Stores) -> None:
        key, other = table(), table()
        for state in (accepted_by(booking(key), P) for _ in range(2)):
            assert stores.bookings.deliver([state])[0].outcome is ApplyOutcome.STORED
        assert usage(stores, key) == Usage(2, 1)
        later = [accepted_again_by(accepted_by(booking(), P), M, keys=(other,)) for _ in range(3)]
        stores.bookings.deliver(later)
        assert usage(stores, other) == Usage(3, 1)
        with pytest.raises(Exhausted):
            stores.bookings.save(booking(key))

    def test_many_deliveries_say_it_too(self, stores: Stores) -> None:
        keys = [table() for _ in range(MANY)]
        stores.bookings.deliver([accepted_by(booking(key), P) for key in keys])
        assert set(stores.bookings.usage(keys).values()) == {Usage(1, 1)}

    def test_a_limit_that_a_record_says_is_left_alone(self, stores: Stores) -> None:
        limiting = stores.pools.save(pool(size=7))
        stores.bookings.deliver([accepted_by(booking(limiting.key), P)])
        assert usage(stores, limiting.key) == Usage(1, 7)

    def test_a_merged_state_says_it(self, stores: Stores) -> None:
        key = table()
        ours = accepted_by(booking(), P)
        stores.bookings.deliver([ours])
        assert stores.bookings.replace(ours, accepted_again_by(ours, M, keys=(key,)))
        assert usage(stores, key) == Usage(1, 1)


@over_stores
class TestHolders:
    """Who holds a thing."""

    def test_holders_come_oldest_first(self, stores: Stores) -> None:
        key, other = table(), table()
        saved = [
            stores.pairs.save(booking(key, table(), created_at=at(9))),
            stores.pairs.save(booking(other, key, created_at=at(2))),
        ]
        stores.pairs.save(booking(other, f"{key}:more"))
        assert stores.pairs.holders(key, 10) == saved[::-1]
        assert stores.pairs.holders(key, 1) == saved[1:]
        assert stores.bookings.holders(key, 10) == []

    def test_of_the_same_moment_the_lower_id_comes_first(self, stores: Stores) -> None:
        key = table()
        states = [accepted_by(booking(key), P) for _ in range(9)]
        stores.bookings.deliver(states[::-1])
        assert ids(stores.bookings.holders(key, 9)) == sorted(ids(states))

    def test_what_was_delivered_alone_and_given_back_is_known(self, stores: Stores) -> None:
        key = table()
        first, second = (accepted_by(booking(key, created_at=at(n)), P) for n in range(2))
        for state in (first, second):
            stores.bookings.deliver([state])
        assert stores.bookings.holders(key, 9) == [first, second]
        gone = accepted_again_by(first, P, deleted=True)
        elsewhere = accepted_again_by(second, P, keys=())
        stores.bookings.deliver([gone, elsewhere])
        assert stores.bookings.holders(key, 9) == []

    def test_kinds_without_a_default_limit_answer_too(self, stores: Stores) -> None:
        saved = stores.pools.save(pool(size=3, taken=1))
        idle = stores.pools.save(replace(pool(), key=saved.key, size=3))
        assert idle in scan_all(stores.pools)
        assert stores.pools.holders(saved.key, 9) == [saved]
        assert stores.conflicts.holders(saved.key, 9) == []

    @pytest.mark.parametrize("key", ["", "\0", "\ud800", "x" * 10_000, "table:"])
    def test_of_what_nobody_could_hold_there_are_none(self, stores: Stores, key: str) -> None:
        stores.bookings.save(booking(table()))
        assert list(stores.bookings.holders(key, 9)) == []

    def test_a_long_key_has_holders(self, stores: Stores) -> None:
        saved = stores.bookings.save(booking("x" * 10_000))
        assert stores.bookings.holders("x" * 10_000, 9) == [saved]


def filing_to(target: Stores, filed: list[Conflict]) -> Replicator:
    """Files into the target, as a process does that is cut off from the other store."""

    def save(conflict: Conflict) -> None:
        filed.append(target.conflicts.save(conflict))

    return Replicator(MergePolicy(), save_conflict=save)


def replicate_both_ways(one: Stores, other: Stores) -> tuple[list[Conflict], list[Conflict]]:
    """What is filed on either side while each side's bookings come to the other."""
    here: list[Conflict] = []
    there: list[Conflict] = []
    to_one, to_other = filing_to(one, here), filing_to(other, there)
    from_one, from_other = scan_all(one.bookings), scan_all(other.bookings)
    to_other.replicate(from_one, one.bookings, other.bookings)
    to_one.replicate(from_other, other.bookings, one.bookings)
    for _ in range(2):
        to_other.replicate(from_one, one.bookings, other.bookings)
        to_one.replicate(from_other, other.bookings, one.bookings)
        to_other.report_oversold(to_other.reserved_keys(from_one, other.bookings), other.bookings)
    return here, there


@over_stores
class TestDoubleBookings:
    """What two stores took while they were cut off."""

    @pytest.fixture
    def other(self, repositories: Stores) -> Iterator[Stores]:
        """Another store, of the other place."""
        place = next(it for it in (P, M) if it is not repositories.database.store_id)
        with open_stores(stores_of(MONGO_STORES, MemoryDatabase(place))) as stores:
            yield stores

    def test_two_records_are_one_conflict_the_same_on_both_sides(
        self, stores: Stores, other: Stores
    ) -> None:
        keys = sorted(table() for _ in range(4))
        second = stores.bookings.save(booking(*keys, created_at=at(5), name="late"))
        first = other.bookings.save(booking(*keys[::-1], created_at=at(2), name="early"))
        here, there = replicate_both_ways(stores, other)
        [mine], [theirs] = here, there
        assert mine.id == theirs.id
        assert mine.op_id == theirs.op_id
        for conflict in (mine, theirs):
            assert (conflict.about, conflict.record_id) == ("bookings", first.id)
            assert conflict.reason == f"both hold {keys[0]}, but only 1 of it may be held"
            assert (conflict.winner["id"], conflict.loser["id"]) == (first.id, second.id)
            assert (conflict.winner["name"], conflict.loser["name"]) == ("early", "late")
        other.conflicts.deliver([mine])
        assert ids(scan_all(other.conflicts)) == [mine.id]

    def test_it_stays_one_whatever_becomes_of_the_records(
        self, stores: Stores, other: Stores
    ) -> None:
        key = table()
        first = stores.bookings.save(booking(key))
        second = other.bookings.save(booking(key))
        filed, _ = replicate_both_ways(stores, other)
        assert len(filed) == 1
        for record in (stores.bookings.get(first.id), stores.bookings.get(second.id)):
            stores.bookings.save(changed(record, name="a party"))
        filing_to(stores, filed).report_oversold([key], stores.bookings)
        assert len(filed) == 1

    def test_each_two_of_three_are_a_conflict_in_whatever_order_they_come(
        self, stores: Stores, other: Stores
    ) -> None:
        for order in permutations(range(3)):
            key = table()
            states = [accepted_by(booking(key, created_at=at(n)), P) for n in range(3)]
            filed: list[Conflict] = []
            for number in order:
                state = states[number]
                filing_to(other, filed).replicate([state], stores.bookings, stores.bookings)
            first, second, third = ids(states)
            found = sorted((each.winner["id"], each.loser["id"]) for each in filed)
            assert found == sorted([(first, second), (first, third), (second, third)])

    def test_only_who_came_too_late_is_in_a_conflict(self, stores: Stores, other: Stores) -> None:
        key = table()
        states = [accepted_by(booking(key, created_at=at(n)), P) for n in range(3)]
        filed: list[Conflict] = []
        filing_to(other, filed).replicate(states, stores.pairs, stores.pairs)
        first, second, late = ids(states)
        pairs = {(each.winner["id"], each.loser["id"]) for each in filed}
        assert pairs == {(first, late), (second, late)}

    def test_what_no_two_records_of_the_kind_hold_is_a_conflict_about_the_thing(
        self, stores: Stores, other: Stores
    ) -> None:
        alone = accepted_by(booking(table()), P)
        stores.bookings.deliver([alone])
        stores.pairs.deliver([accepted_by(booking(*alone.keys), P)])
        limited = accepted_by(pool(size=1, taken=3), P)
        filed: list[Conflict] = []
        replicator = filing_to(other, filed)
        replicator.replicate([alone], stores.bookings, stores.bookings)
        replicator.replicate([limited], stores.pools, stores.pools)
        expected = [(*key.split(":"), "oversold") for key in (*alone.keys, limited.key)]
        assert [(each.about, each.record_id, each.reason) for each in filed] == expected

    def test_a_booking_does_not_become_the_other_one(self, stores: Stores, other: Stores) -> None:
        key = table()
        stores.bookings.save(booking(key))
        other.bookings.save(booking(key))
        [filed], _ = replicate_both_ways(stores, other)
        service = ConflictService(stores.conflicts, {"bookings": stores.bookings})
        before = scan_all(stores.bookings)
        with pytest.raises(RuleViolation):
            service.resolve(filed.id, "take_other", Operation.without_key())
        assert scan_all(stores.bookings) == before
        service.resolve(filed.id, "keep", Operation.without_key())


@over_shared_repositories
class TestManyAtOnce:
    """Bookings from several threads."""

    def test_of_many_at_once_exactly_one_gets_the_last_one(
        self, repositories: Repositories
    ) -> None:
        for _ in range(3):
            key = table()
            results = run_concurrently(
                [partial(repositories.bookings.save, booking(key, table())) for _ in range(8)]
            )
            refused = [each for each in results if isinstance(each, Exhausted)]
            taken = [each for each in results if isinstance(each, Booking)]
            assert (len(taken), len(refused)) == (1, 7), results
            assert usage(repositories, key) == Usage(1, 1)

    def test_things_taken_in_any_order_are_taken_once(self, repositories: Repositories) -> None:
        keys = [table() for _ in range(4)]
        tries = [booking(*(keys[number % 4 :] + keys)[:4]) for number in range(8)]
        results = run_concurrently([partial(repositories.bookings.save, each) for each in tries])
        assert [type(each) for each in results].count(Booking) == 1, results
        assert {usage(repositories, key) for key in keys} == {Usage(1, 1)}
