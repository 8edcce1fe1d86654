"""The contract of `Replica`: relays and writers at the same time."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from dinerapp.replication.errors import StaleVersion
from dinerapp.replication.ports.replica import ApplyOutcome
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_shared_stores
from tests.contracts.replica.shorthand import M, P, drain, outbox_entries
from tests.contracts.samples import (
    Sample,
    accepted_again_by,
    accepted_by,
    ids,
    load_one,
    run_concurrently,
)
from tests.factories import other_store


@over_shared_stores
@of_every_kind
class TestSharedReplica:
    """What holds when many relays and writers are at work at once."""

    def test_no_two_relays_are_given_the_same_outbox_entry(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = [store.accept(sample.make(), outbox_entries(to)) for _ in range(40)]
        relay = partial(drain, store, to)
        claimed = [record for some in run_concurrently([relay] * 6) for record in some]
        claimed += relay()
        assert sorted(ids(claimed)) == sorted(ids(accepted))

    def test_of_many_deliveries_of_one_state_one_is_stored(
        self, store: Any, sample: Sample
    ) -> None:
        state = accepted_by(sample.make(), P)
        answers = run_concurrently([partial(store.deliver, [state])] * 8)
        taken = Counter(answer.outcome for [answer] in answers)
        assert taken == {ApplyOutcome.STORED: 1, ApplyOutcome.ALREADY_APPLIED: 7}
        assert load_one(store, state) == state

    def test_a_delivery_and_a_write_at_once_leave_a_state_of_one_of_them(
        self, store: Any, sample: Sample
    ) -> None:
        for _ in range(10):
            base = store.accept(sample.make())
            foreign = accepted_again_by(base, other_store(store.store_id))
            local = sample.with_text(base)
            [answer], result = run_concurrently(
                [partial(store.deliver, [foreign]), partial(store.accept, local)]
            )
            if isinstance(result, Exception):
                assert isinstance(result, StaleVersion)
                assert answer.outcome is ApplyOutcome.STORED
                assert load_one(store, base) == foreign
            else:
                assert answer.outcome is ApplyOutcome.CONCURRENT
                assert load_one(store, base) == answer.stored == result

    def test_of_two_merges_of_one_state_one_is_put_in_place(
        self, store: Any, sample: Sample
    ) -> None:
        for _ in range(5):
            base = store.accept(sample.make())
            merges = [accepted_again_by(base, M, **{sample.text: str(n)}) for n in range(6)]
            results = run_concurrently([partial(store.replace, base, merged) for merged in merges])
            assert results.count(True) == 1
            assert results.count(False) == 5
            assert load_one(store, base) == merges[results.index(True)]
