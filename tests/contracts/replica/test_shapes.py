"""The contract of `Replica`: states of older releases."""

from __future__ import annotations

from typing import Any

import pytest

from dinerapp.replication import codec
from dinerapp.replication.conflicts import CONFLICTS
from dinerapp.replication.identity import new_id
from dinerapp.replication.merge import MergePolicy
from dinerapp.replication.replicator import Replicator
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_shared_stores
from tests.contracts.replica.shorthand import M, P, fingerprints_of
from tests.contracts.samples import Sample, accepted_again_by, accepted_by, deliver_each, load_one
from tests.factories import other_store
from tests.simulation.reference import ReferenceDatabase, ReferenceStore


@over_shared_stores
@of_every_kind
class TestShape:
    """States that were stored when their kind had another shape, and other digests."""

    def test_their_digests_are_made_anew(
        self, store: Any, sample: Sample, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        states = [accepted_by(sample.make(), P) for _ in range(3)]
        put_long_ago(store, monkeypatch, *states[:2])
        deliver_each(store, states[2])
        unknown = [new_id(), "nonsense", "\0", "\ud800"]
        assert store.rehash([state.id for state in states] + unknown) == 2
        assert store.fingerprints() == fingerprints_of(states)
        assert store.rehash([state.id for state in states]) == 0
        assert [load_one(store, state) for state in states] == states

    def test_they_are_merged_like_others(
        self, store: Any, sample: Sample, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = accepted_by(sample.make(), P, M)
        here, there = (
            accepted_again_by(base, place, **{sample.text: place})
            for place in (store.store_id, other_store(store.store_id))
        )
        put_long_ago(store, monkeypatch, here)
        other = ReferenceDatabase(other_store(store.store_id))
        replicator = Replicator(MergePolicy(), save_conflict=ReferenceStore(other, CONFLICTS).save)
        handed = replicator.replicate([there], ReferenceStore(other, store.kind), store)
        assert not handed.refused
        merged = load_one(store, base)
        assert merged.includes(here)
        assert merged.includes(there)
        assert store.fingerprints() == fingerprints_of([merged])


def put_long_ago(store: Any, monkeypatch: pytest.MonkeyPatch, *states: Any) -> None:
    """As an older release would have."""
    digest = codec.digest
    with monkeypatch.context() as past:
        past.setattr(codec, "digest", lambda record: digest(record) ^ 1)
        deliver_each(store, *states)
