"""The contract of `Repository`: operations that are tried again."""

from __future__ import annotations

from typing import Any

import pytest

from dinerapp.replication.errors import KeyReused, Replayed
from dinerapp.replication.identity import Operation, new_op_id
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_everything
from tests.contracts.samples import Sample


@over_everything
@of_every_kind
class TestRepository:
    """One operation is done once, however often it is tried."""

    def test_a_creation_tried_again_is_told_what_became_of_it(
        self, repository: Any, sample: Sample
    ) -> None:
        record = sample.make()
        repository.save(record)
        now = repository.save(sample.with_text(repository.get(record.id)))
        with pytest.raises(Replayed) as again:
            repository.save(record)
        assert again.value.stored == now
        assert repository.get(record.id) == now

    def test_a_change_tried_again_is_told_what_became_of_it(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        change = sample.with_text(first)
        second = repository.save(change)
        third = repository.save(sample.with_text(second, "third"))
        with pytest.raises(Replayed) as again:
            repository.save(change)
        assert again.value.stored == third
        assert repository.get(first.id) == third

    def test_a_change_tried_again_on_what_it_made_is_told_what_is_stored(
        self, repository: Any, sample: Sample
    ) -> None:
        op_id = new_op_id()
        first = repository.save(sample.make())
        second = repository.save(sample.with_text(first, "once", op_id=op_id))
        with pytest.raises(Replayed) as again:
            repository.save(sample.with_text(second, "twice", op_id=op_id))
        assert again.value.stored == second
        assert repository.get(first.id) == second

    def test_a_key_used_for_something_else_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        one, other = (Operation.from_key("guest", "key", body) for body in (b"one", b"other"))
        saved = repository.save(sample.make(id=one.record_id, op_id=one.op_id))
        with pytest.raises(KeyReused) as refused:
            repository.save(sample.make(id=other.record_id, op_id=other.op_id))
        assert refused.value.stored == saved
        assert repository.get(saved.id) == saved

    def test_a_key_used_for_another_change_is_refused_with_what_is_stored(
        self, repository: Any, sample: Sample
    ) -> None:
        key = new_op_id()[:16]
        first = repository.save(sample.make(op_id=key + "a" * 16))
        second = repository.save(sample.with_text(first, "second"))
        with pytest.raises(KeyReused) as refused:
            repository.save(sample.with_text(second, "third", op_id=key + "b" * 16))
        assert refused.value.stored == second
        assert repository.get(first.id) == second
