"""The contract of `Replica`: which states it owes, and to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.replication.errors import AlreadyExists, Replayed
from dinerapp.replication.ports.replica import Backlog
from dinerapp.replication.version import Version
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import N, P, claim, owing
from tests.contracts.samples import Sample, accepted_again_by, accepted_by, deliver_each, identical
from tests.factories import other_store


@over_stores
@of_every_kind
class TestDebt:
    """What a store owes others with every state it keeps."""

    def test_an_accepted_state_is_owed(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), owing(to))
        [owed] = claim(store, to)
        assert identical(owed.record, accepted)
        assert owed.tries == 0
        assert claim(store, N) == []

    def test_a_state_without_debts_is_owed_to_nobody(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        store.save(sample.make())
        deliver_each(store, accepted_by(sample.make(), P))
        assert store.backlog(to) == Backlog()
        assert claim(store, to) == []

    def test_a_refused_state_leaves_no_debt(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first = store.save(sample.make())
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), owing(to))
        with pytest.raises(Replayed):
            store.accept(replace(first, version=Version()), owing(to))
        assert store.backlog(to) == Backlog()

    def test_a_refused_state_leaves_the_debt_of_the_stored_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), owing(to, missed=True))
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), owing(N))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert store.backlog(N) == Backlog()

    def test_a_tombstone_is_owed_like_any_state(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first = store.save(sample.make())
        gone = store.accept(replace(sample.with_text(first), deleted=True), owing(to))
        assert [owed.record for owed in claim(store, to)] == [gone]

    def test_a_write_that_owes_nothing_clears_the_debt_before_it(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), owing(to))
        store.accept(sample.with_text(first))
        assert store.backlog(to) == Backlog()

    def test_a_delivered_state_replaces_the_debts_of_the_one_before(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        one, other = (store.accept(sample.make(), owing(to, missed=True)) for _ in range(2))
        deliver_each(store, accepted_again_by(one, to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        newer = accepted_again_by(other, to)
        store.deliver([newer], owing(N))
        assert store.backlog(to) == Backlog()
        assert [owed.record for owed in claim(store, N)] == [newer]

    def test_a_delivery_that_is_not_kept_leaves_the_debts_alone(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), owing(to, missed=True))
        second = store.accept(sample.with_text(first), owing(to, missed=True))
        store.deliver([first], owing(N))
        store.deliver([second], owing(N))
        store.deliver([accepted_again_by(first, to)], owing(N))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert [owed.record for owed in claim(store, to)] == [second]
