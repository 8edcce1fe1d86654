"""The contract of `Replica`: what was merged is put in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dinerapp.replication.ports.replica import Backlog
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, N, P, claim, outbox_entries
from tests.contracts.samples import (
    Sample,
    accepted_again_by,
    accepted_by,
    deliver_each,
    identical,
    load_one,
)
from tests.factories import other_store


@over_stores
@of_every_kind
class TestReplace:
    """A merged state in place of exactly the one it was made from."""

    def test_the_expected_state_is_replaced(self, store: Any, sample: Sample) -> None:
        base = accepted_by(sample.make(), P)
        merged = accepted_again_by(base, M, **{sample.text: "merged"})
        deliver_each(store, base)
        assert store.replace(base, merged)
        assert identical(load_one(store, base), merged)

    def test_a_state_at_the_same_version_can_be_put_in_place(
        self, store: Any, sample: Sample
    ) -> None:
        base = accepted_by(sample.make(), P)
        merged = replace(base, **{sample.text: "merged"})
        deliver_each(store, base)
        assert store.replace(base, merged)
        assert identical(load_one(store, base), merged)

    def test_a_state_that_moved_on_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = accepted_by(sample.make(), P)
        newer = accepted_again_by(base, P)
        deliver_each(store, newer)
        assert not store.replace(base, accepted_again_by(base, M))
        assert load_one(store, base) == newer

    def test_another_state_at_the_expected_version_is_not_replaced(
        self, store: Any, sample: Sample
    ) -> None:
        base = accepted_by(sample.make(), P)
        deliver_each(store, base)
        imagined = replace(base, **{sample.text: "never stored"})
        assert not store.replace(imagined, accepted_again_by(imagined, M))
        assert load_one(store, base) == base

    def test_what_is_not_there_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = accepted_by(sample.make(), P)
        assert not store.replace(base, accepted_again_by(base, M))
        assert load_one(store, base) is None

    def test_a_tombstone_can_be_put_in_place(self, store: Any, sample: Sample) -> None:
        base = accepted_by(sample.make(), P)
        deliver_each(store, base)
        assert store.replace(base, accepted_again_by(base, M, deleted=True))
        assert store.get_many([base.id]) == {}

    def test_the_outbox_entries_are_those_of_the_merged_state(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        base = store.accept(sample.make(), outbox_entries(N))
        merged = accepted_again_by(base, to)
        assert store.replace(base, merged, outbox_entries(to, undelivered=True))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert [entry.record for entry in claim(store, to)] == [merged]
