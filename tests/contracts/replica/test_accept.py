"""The contract of `Replica`: what it accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.replication import codec
from dinerapp.replication.errors import NotFound, StaleVersion
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import N
from tests.contracts.subjects import Sample, identical, put, rewritten, stored, written
from tests.makers import elsewhere


@over_stores
@of_every_kind
class TestAccept:
    """Compare-and-set on the version."""

    def test_an_accepted_state_is_the_one_the_record_stamps(
        self, store: Any, sample: Sample
    ) -> None:
        record = codec.canonical(sample.make())
        accepted = store.accept(record)
        assert identical(accepted, record.stamped(store.place))
        assert identical(stored(store, record), accepted)

    def test_only_the_counter_of_this_place_is_raised(self, store: Any, sample: Sample) -> None:
        foreign = written(sample.make(), elsewhere(store.place), N)
        put(store, foreign)
        accepted = store.accept(sample.edited(foreign))
        assert accepted.version == foreign.version.raised(store.place)
        assert accepted.source == store.place
        assert [step.op_id for step in accepted.trail[:1]] == [foreign.trail[0].op_id]

    def test_a_state_that_saw_less_than_the_stored_one_is_stale(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        foreign = rewritten(first, elsewhere(store.place))
        put(store, foreign)
        with pytest.raises(StaleVersion) as refused:
            store.accept(sample.edited(first))
        assert refused.value.stored == foreign
        assert stored(store, first) == foreign

    def test_a_state_read_from_the_other_store_is_stale_if_it_misses_one_write_of_this_one(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        second = store.accept(sample.edited(first))
        read = rewritten(rewritten(first, elsewhere(store.place)), elsewhere(store.place))
        with pytest.raises(StaleVersion):
            store.accept(sample.edited(read))
        assert stored(store, first) == second

    def test_a_deleted_state_can_be_the_first_this_store_hears_of_a_record(
        self, store: Any, sample: Sample
    ) -> None:
        read = written(sample.make(), elsewhere(store.place))
        gone = store.accept(replace(sample.edited(read), deleted=True))
        assert gone.deleted
        assert stored(store, read) == gone
        with pytest.raises(NotFound):
            store.get(read.id)
