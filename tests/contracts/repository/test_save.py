"""The contract of `Repository`: records are saved and found."""

from __future__ import annotations

from typing import Any

import pytest

from dinerapp.replication.errors import AlreadyExists, NotFound, StaleVersion
from dinerapp.replication.identity import new_id
from dinerapp.replication.version import StoreId, Version
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_everything
from tests.contracts.samples import Sample, identical, with_unknown_past

IMPOSSIBLE_IDS = ("", "nope", "a\0b", "\ud800", "x" * 10_000, "$ne", "' or 1=1 --")


@over_everything
@of_every_kind
class TestRepository:
    """Save and find, as use cases see them."""

    def test_a_new_record_comes_back_at_its_first_version(
        self, repository: Any, sample: Sample
    ) -> None:
        record = sample.make()
        saved = repository.save(record)
        assert saved.version.revision == 1
        assert saved.source in StoreId
        assert saved.has_applied(record.op_id)
        assert getattr(saved, sample.text) == getattr(record, sample.text)

    def test_what_is_read_equals_what_was_saved(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        assert identical(repository.get(saved.id), saved)
        assert repository.get_many([saved.id]) == {saved.id: saved}

    def test_an_unknown_id_is_not_found(self, repository: Any, sample: Sample) -> None:
        unknown = new_id()
        with pytest.raises(NotFound) as refused:
            repository.get(unknown)
        assert refused.value.record_id == unknown
        assert refused.value.kind == repository.kind.name

    def test_an_id_no_record_can_have_is_not_found_either(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = repository.save(sample.make())
        for impossible in IMPOSSIBLE_IDS:
            with pytest.raises(NotFound):
                repository.get(impossible)
            assert repository.get_many([impossible, saved.id]) == {saved.id: saved}

    def test_an_id_in_other_letters_is_another_id(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make(id="019f0c6e-7d2a-7abc-8def-0123456789ab"))
        others = [saved.id.upper(), saved.id.replace("-", ""), f"{{{saved.id}}}", f" {saved.id}"]
        assert repository.get_many(others) == {}

    def test_many_are_found_at_once_and_the_missing_left_out(
        self, repository: Any, sample: Sample
    ) -> None:
        saved = [repository.save(sample.make()) for _ in range(3)]
        wanted = [saved[2].id, new_id(), saved[0].id, saved[0].id]
        assert repository.get_many(wanted) == {r.id: r for r in (saved[0], saved[2])}
        assert repository.get_many([]) == {}
        assert repository.get_many([new_id() for _ in range(2000)]) == {}

    def test_a_change_is_kept_at_a_higher_version(self, repository: Any, sample: Sample) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.with_text(first))
        assert getattr(second, sample.text) == "edited"
        assert second.version.dominates(first.version)
        assert second.version.revision == 2
        assert identical(repository.get(first.id), second)

    def test_a_change_to_a_state_that_moved_on_is_stale(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        second = repository.save(sample.with_text(first, "second"))
        with pytest.raises(StaleVersion) as refused:
            repository.save(sample.with_text(first, "third"))
        assert refused.value.stored == second
        assert repository.get(first.id) == second

    def test_an_id_that_is_taken_already_exists(self, repository: Any, sample: Sample) -> None:
        saved = repository.save(sample.make())
        with pytest.raises(AlreadyExists) as refused:
            repository.save(sample.make(id=saved.id))
        assert refused.value.stored == saved
        assert repository.get(saved.id) == saved

    def test_a_version_the_store_has_not_seen_is_taken(
        self, repository: Any, sample: Sample
    ) -> None:
        first = repository.save(sample.make())
        read = with_unknown_past(first, Version(7, 7, 0))
        saved = repository.save(sample.with_text(read))
        assert saved.version.dominates(read.version)
        assert saved.version.revision == 15
        assert repository.get(first.id) == saved

    def test_an_unknown_record_is_taken_at_whatever_version_it_was_read(
        self, repository: Any, sample: Sample
    ) -> None:
        read = with_unknown_past(sample.make(), Version(2, 3, 1))
        saved = repository.save(sample.with_text(read))
        assert saved.version.dominates(read.version)
        assert saved.version.revision == 7
        assert repository.get(read.id) == saved
