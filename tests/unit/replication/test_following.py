"""Followers see every record, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import structlog

from dinerapp.ordering.domain.order_merge import ORDERS
from dinerapp.ordering.domain.tills import TILLS
from dinerapp.replication.errors import StoreUnavailable
from dinerapp.replication.follower_dispatcher import (
    DEFAULT_SETTINGS,
    FollowerDispatcher,
    FollowerMismatch,
)
from dinerapp.replication.identity import new_op_id
from dinerapp.replication.ports.replica import Backlog, FollowerTarget, OutboxEntry
from dinerapp.replication.version import StoreId
from tests.factories import at, order
from tests.simulation.reference import ReferenceDatabase, ReferenceStore

F = FollowerTarget.FOLLOWERS


class Seen:
    """A follower that remembers, and fails at what it is told to fail at."""

    def __init__(self, *failures: Exception, poison: str = "") -> None:
        self.ids: list[str] = []
        self.failures = list(failures)
        self.poison = poison

    def follow(self, records: Sequence[Any]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if self.poison in {record.notes for record in records}:
            raise ValueError("cannot be told")
        self.ids += [record.id for record in records]


@pytest.fixture
def store() -> ReferenceStore[Any]:
    return ReferenceStore(ReferenceDatabase(StoreId.POSTGRESQL), ORDERS)


@pytest.fixture(autouse=True)
def quiet() -> None:
    structlog.reset_defaults()


def accepted(store: ReferenceStore[Any], **fields: Any) -> Any:
    return store.accept(order(**fields), OutboxEntry.for_followers(store.kind, at()))


def following(
    store: ReferenceStore[Any], *followers: Seen, seconds: float = 1
) -> FollowerDispatcher:
    return FollowerDispatcher([store], {"orders": followers}, now=lambda: at(seconds))


def test_each_follower_is_shown_each_record_and_nothing_is_owed_any_more(
    store: ReferenceStore[Any],
) -> None:
    orders = [accepted(store) for _ in range(3)]
    one, other = Seen(), Seen()
    it = following(store, one, other)
    assert it.dispatch_from(StoreId.MONGODB) == 0
    assert it.dispatch_from(StoreId.POSTGRESQL) == 3
    assert set(one.ids) == set(other.ids) == {each.id for each in orders}
    assert it.dispatch_from(StoreId.POSTGRESQL) == 0
    assert it.backlog(StoreId.POSTGRESQL) == Backlog()


def test_while_a_store_is_away_nothing_counts_as_tried(store: ReferenceStore[Any]) -> None:
    accepted(store)
    seen = Seen(*[StoreUnavailable("mongodb", "gone")] * 20)
    for number in range(20):
        with pytest.raises(StoreUnavailable):
            following(store, seen, seconds=number).dispatch_from(StoreId.POSTGRESQL)
    assert following(store, seen, seconds=99).dispatch_from(StoreId.POSTGRESQL) == 1
    assert len(seen.ids) == 1


def test_a_record_that_always_fails_is_parked_and_stops_only_itself(
    store: ReferenceStore[Any],
) -> None:
    poisoned, *healthy = accepted(store, notes="poison"), accepted(store), accepted(store)
    one, other = Seen(poison="poison"), Seen()
    seconds = 1.0
    for _ in range(DEFAULT_SETTINGS.retry_policy.max_tries):
        following(store, one, other, seconds=seconds).dispatch_from(StoreId.POSTGRESQL)
        seconds *= 4
    assert set(one.ids) == {each.id for each in healthy}
    assert set(other.ids) == {poisoned.id, *one.ids}
    [parked] = store.dead_letters(F, 10)
    assert (parked.record_id, parked.reason) == (poisoned.id, "Seen: ValueError: cannot be told")
    assert store.backlog(F) == Backlog(dead_letters=1)


def test_what_is_written_meanwhile_is_followed_again(store: ReferenceStore[Any]) -> None:
    first = accepted(store)

    class Meddling(Seen):
        def follow(self, records: Sequence[Any]) -> None:
            super().follow(records)
            if len(self.ids) == 1:
                later = first.with_changes(op_id=new_op_id(), now=at(1), notes="later")
                store.accept(later, OutboxEntry.for_followers(store.kind, at(1)))

    seen = Meddling()
    it = following(store, seen, seconds=2)
    assert [it.dispatch_from(StoreId.POSTGRESQL) for _ in range(3)] == [1, 1, 0]
    assert seen.ids == [first.id] * 2


def test_a_kind_without_followers_is_owed_to_none() -> None:
    assert OutboxEntry.for_followers(TILLS, at()) == ()


def test_a_followed_kind_must_have_followers_and_no_other_may(store: ReferenceStore[Any]) -> None:
    tills: Any = ReferenceStore(ReferenceDatabase(StoreId.POSTGRESQL), TILLS)
    for stores, followers in (([store], {}), ([tills], {"tills": [Seen()]})):
        with pytest.raises(FollowerMismatch):
            FollowerDispatcher(stores, followers)
