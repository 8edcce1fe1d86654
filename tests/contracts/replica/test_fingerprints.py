"""The contract of `Replica`: fingerprints."""

from __future__ import annotations

from typing import Any

from dinerapp.replication import codec
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, P, fingerprints_of, outbox_entries
from tests.contracts.samples import Sample, accepted_again_by, accepted_by, deliver_each
from tests.factories import at, other_store


@over_stores
@of_every_kind
class TestFingerprint:
    """How two stores find out in what they differ."""

    def test_an_empty_store_has_no_fingerprints(self, store: Any) -> None:
        assert store.fingerprints() == {}
        assert store.bucket_digests(0) == {}

    def test_fingerprints_are_those_of_the_states_in_whatever_store(
        self, store: Any, sample: Sample
    ) -> None:
        states = [accepted_by(sample.make(), P, M) for _ in range(20)]
        states.append(accepted_again_by(accepted_by(sample.make(), P), P, deleted=True))
        deliver_each(store, *states)
        assert store.fingerprints() == fingerprints_of(states)
        for number, found in fingerprints_of(states).items():
            digests = store.bucket_digests(number)
            assert digests == {
                state.id: codec.digest(state)
                for state in states
                if codec.bucket(state.id) == number
            }
            assert sum(digests.values()) == found.digest

    def test_fingerprints_follow_every_way_of_writing(self, store: Any, sample: Sample) -> None:
        first = store.save(sample.make())
        second = store.save(sample.with_text(first))
        assert store.fingerprints() == fingerprints_of([second])
        third = accepted_again_by(second, M)
        deliver_each(store, third, first)
        assert store.fingerprints() == fingerprints_of([third])
        merged = accepted_again_by(third, P)
        store.replace(third, merged)
        assert store.fingerprints() == fingerprints_of([merged])
        gone = store.delete(sample.with_text(merged))
        assert store.fingerprints() == fingerprints_of([gone])

    def test_outbox_entries_do_not_show_in_fingerprints(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        store.reschedule(to, (accepted.id, accepted.version), "no", at(5), give_up=True)
        assert store.fingerprints() == fingerprints_of([accepted])
