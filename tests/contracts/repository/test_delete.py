"""The contract of `Repository`: records are deleted for good."""

from __future__ import annotations

from typing import Any

import pytest

from dinerapp.replication.errors import NotFound, Replayed, StaleVersion
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_everything
from tests.contracts.samples import Sample


@over_everything
@of_every_kind
class TestRepository:
    """What is deleted is seen by no reader, and stays deleted."""

    def test_a_deleted_record_is_seen_by_no_reader(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        gone = repository.delete(sample.with_text(saved, "gone"))
        assert gone.deleted
        assert gone.version.revision == 2
        with pytest.raises(NotFound):
            repository.get(saved.id)
        assert repository.get_many([saved.id]) == {}

    def test_a_stale_deletion_deletes_nothing(self, repository: Any, sample: Sample) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.with_text(first, "second"))
        with pytest.raises(StaleVersion) as refused:
            repository.delete(sample.with_text(first))
        assert refused.value.stored == second
        assert repository.get(first.id) == second

    def test_a_deletion_tried_again_is_a_replay(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        deletion = sample.with_text(saved)
        gone = repository.delete(deletion)
        with pytest.raises(Replayed) as again:
            repository.delete(deletion)
        assert again.value.stored == gone

    def test_a_change_overtaken_by_a_deletion_is_not_found(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        repository.delete(sample.with_text(saved))
        for late in (repository.save, repository.delete):
            with pytest.raises(NotFound):
                late(sample.with_text(saved, "too late"))
        with pytest.raises(NotFound):
            repository.get(saved.id)

    def test_a_deleted_id_is_not_given_to_a_new_record(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        repository.delete(sample.with_text(saved))
        with pytest.raises(NotFound):
            repository.save(sample.make(id=saved.id))
        assert repository.get_many([saved.id]) == {}

    def test_nothing_brings_a_deleted_record_back(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        gone = repository.delete(sample.with_text(saved))
        with pytest.raises(NotFound):
            repository.save(sample.with_text(gone, "revived", deleted=False))
        assert repository.get_many([saved.id]) == {}
