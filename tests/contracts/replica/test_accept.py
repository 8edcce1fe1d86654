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
class TestAccept:
    """Compare-and-set on the version."""

    def test_an_accepted_state_is_the_one_the_record_stamps(
        self, store: Any, sample: Sample
    ) -> None:
        record = codec.canonical(sample.make())
        accepted = store.accept(record)
        assert identical(accepted, record.as_accepted_by(store.store_id))
        assert identical(load_one(store, record), accepted)

    def test_only_the_counter_of_this_place_is_raised(self, store: Any, sample: Sample) -> None:
        foreign = accepted_by(sample.make(), other_store(store.store_id), N)
        deliver_each(store, foreign)
        accepted = store.accept(sample.with_text(foreign))
        assert accepted.version == foreign.version.incremented(store.store_id)
        assert accepted.source == store.store_id
        assert [step.op_id for step in accepted.trail[:1]] == [foreign.trail[0].op_id]

    def test_a_state_that_saw_less_than_the_stored_one_is_stale(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        foreign = accepted_again_by(first, other_store(store.store_id))
        deliver_each(store, foreign)
        with pytest.raises(StaleVersion) as refused:
            store.accept(sample.with_text(first))
        assert refused.value.stored == foreign
        assert load_one(store, first) == foreign

    def test_a_state_read_from_the_other_store_is_stale_if_it_misses_one_write_of_this_one(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        second = store.accept(sample.with_text(first))
        read = accepted_again_by(
            accepted_again_by(first, other_store(store.store_id)), other_store(store.store_id)
        )
        with pytest.raises(StaleVersion):
            store.accept(sample.with_text(read))
        assert load_one(store, first) == second

    def test_a_deleted_state_can_be_the_first_this_store_hears_of_a_record(
        self, store: Any, sample: Sample
    ) -> None:
        read = accepted_by(sample.make(), other_store(store.store_id))
        gone = store.accept(replace(sample.with_text(read), deleted=True))
        assert gone.deleted
        assert load_one(store, read) == gone
        with pytest.raises(NotFound):
            store.get(read.id)
