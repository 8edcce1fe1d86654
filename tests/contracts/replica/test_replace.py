"""The contract of `Replica`: what was merged is put in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dinerapp.replication.ports.replica import Backlog
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, N, P, claim, owing
from tests.contracts.subjects import Sample, identical, put, rewritten, stored, written
from tests.makers import elsewhere


@over_stores
@of_every_kind
class TestReplace:
    """A merged state in place of exactly the one it was made from."""

    def test_the_expected_state_is_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        merged = rewritten(base, M, **{sample.text: "merged"})
        put(store, base)
        assert store.replace(base, merged)
        assert identical(stored(store, base), merged)

    def test_a_state_at_the_same_version_can_be_put_in_place(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        merged = replace(base, **{sample.text: "merged"})
        put(store, base)
        assert store.replace(base, merged)
        assert identical(stored(store, base), merged)

    def test_a_state_that_moved_on_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        newer = rewritten(base, P)
        put(store, newer)
        assert not store.replace(base, rewritten(base, M))
        assert stored(store, base) == newer

    def test_another_state_at_the_expected_version_is_not_replaced(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        put(store, base)
        imagined = replace(base, **{sample.text: "never stored"})
        assert not store.replace(imagined, rewritten(imagined, M))
        assert stored(store, base) == base

    def test_what_is_not_there_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        assert not store.replace(base, rewritten(base, M))
        assert stored(store, base) is None

    def test_a_tombstone_can_be_put_in_place(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        put(store, base)
        assert store.replace(base, rewritten(base, M, deleted=True))
        assert store.get_many([base.id]) == {}

    def test_the_debts_are_those_of_the_merged_state(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        base = store.accept(sample.make(), owing(N))
        merged = rewritten(base, to)
        assert store.replace(base, merged, owing(to, missed=True))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        assert [owed.record for owed in claim(store, to)] == [merged]
