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
from tests.contracts.replica.shorthand import N, P, claim, outbox_entries
from tests.contracts.samples import Sample, accepted_again_by, accepted_by, deliver_each, identical
from tests.factories import other_store


@over_stores
@of_every_kind
class TestOutbox:
    """What a store owes others with every state it keeps."""

    def test_an_accepted_state_is_owed(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to))
        [entry] = claim(store, to)
        assert identical(entry.record, accepted)
        assert entry.tries == 0
        assert claim(store, N) == []

    def test_a_state_without_outbox_entries_is_owed_to_nobody(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        store.save(sample.make())
        deliver_each(store, accepted_by(sample.make(), P))
        assert store.backlog(to) == Backlog()
        assert claim(store, to) == []

    def test_a_refused_state_leaves_no_outbox_entry(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first = store.save(sample.make())
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), outbox_entries(to))
        with pytest.raises(Replayed):
            store.accept(replace(first, version=Version()), outbox_entries(to))
        assert store.backlog(to) == Backlog()

    def test_a_refused_state_leaves_the_outbox_entry_of_the_stored_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), outbox_entries(N))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert store.backlog(N) == Backlog()

    def test_a_tombstone_is_owed_like_any_state(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first = store.save(sample.make())
        gone = store.accept(replace(sample.with_text(first), deleted=True), outbox_entries(to))
        assert [entry.record for entry in claim(store, to)] == [gone]

    def test_a_write_that_owes_nothing_clears_the_outbox_entry_before_it(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to))
        store.accept(sample.with_text(first))
        assert store.backlog(to) == Backlog()

    def test_a_delivered_state_replaces_the_outbox_entries_of_the_one_before(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        one, other = (
            store.accept(sample.make(), outbox_entries(to, undelivered=True)) for _ in range(2)
        )
        deliver_each(store, accepted_again_by(one, to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        newer = accepted_again_by(other, to)
        store.deliver([newer], outbox_entries(N))
        assert store.backlog(to) == Backlog()
        assert [entry.record for entry in claim(store, N)] == [newer]

    def test_a_delivery_that_is_not_kept_leaves_the_outbox_entries_alone(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        second = store.accept(sample.with_text(first), outbox_entries(to, undelivered=True))
        store.deliver([first], outbox_entries(N))
        store.deliver([second], outbox_entries(N))
        store.deliver([accepted_again_by(first, to)], outbox_entries(N))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert [entry.record for entry in claim(store, to)] == [second]
