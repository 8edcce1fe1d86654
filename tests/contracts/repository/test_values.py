"""The contract of `Repository`: which texts, ids and times it keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dinerapp.replication.errors import InvalidRecord
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_everything
from tests.contracts.samples import Sample, identical
from tests.factories import at

TEXTS = (
    "🍕👩‍🍳🏳️‍🌈",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631\u062d\u0628\u0627\u200e",
    "e\u0301 is not \u00e9, nor is \ufb01 fi",
    "\uffff\ufffe\ufdd0\U0010ffff",
    "\x01\x1f\x7f\x85\u2028\u2029\ufeff\t\r\n",
    """'; drop table orders; -- "$where" {$gt: ''} \\u0000 \\x00 %s %(a)s""",
    "  kept as they are  ",
    "",
)


@over_everything
@of_every_kind
class TestRepository:
    """Values come back as they were, or are refused."""

    def test_unicode_of_all_sorts_comes_back_unchanged(
        self, repository: Any, sample: Sample
    ) -> None:
        for text in TEXTS:
            saved = repository.save(sample.make(**{sample.text: text}))
            assert getattr(saved, sample.text) == text
            assert identical(repository.get(saved.id), saved)

    def test_a_very_long_text_comes_back_unchanged(self, repository: Any, sample: Sample) -> None:
        text = "много еды 🍲 " * 100_000
        saved = repository.save(sample.make(**{sample.text: text}))
        assert getattr(repository.get(saved.id), sample.text) == text

    def test_a_text_only_one_database_could_hold_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        for text in ("a\0b", "\0", "\ud800", "a\udfffb"):
            record = sample.make(**{sample.text: text})
            with pytest.raises(InvalidRecord) as refused:
                repository.save(record)
            assert refused.value.field == sample.text
            assert repository.get_many([record.id]) == {}

    def test_an_id_only_one_database_could_hold_is_refused(
        self, repository: Any, sample: Sample
    ) -> None:
        with pytest.raises(InvalidRecord) as refused:
            repository.save(sample.make(id="no uuid"))
        assert refused.value.field == "id"

    def test_times_come_back_in_utc_and_in_whole_milliseconds(
        self, repository: Any, sample: Sample
    ) -> None:
        summer = timezone(timedelta(hours=2))
        moment = datetime(2026, 5, 1, 14, 30, 15, 123_987, tzinfo=summer)
        saved = repository.save(sample.make(created_at=moment, updated_at=moment))
        found = repository.get(saved.id)
        assert found.created_at == datetime(2026, 5, 1, 12, 30, 15, 123_000, tzinfo=UTC)
        assert found.created_at.utcoffset() == timedelta(0)
        assert identical(found, saved)

    def test_a_distant_time_comes_back_unchanged(self, repository: Any, sample: Sample) -> None:
        for moment in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
            saved = repository.save(sample.make(created_at=moment, updated_at=moment))
            assert repository.get(saved.id).created_at == moment

    def test_a_time_without_a_zone_is_refused(self, repository: Any, sample: Sample) -> None:
        naive = at().replace(tzinfo=None)
        record = sample.make(created_at=naive, updated_at=naive)
        with pytest.raises(InvalidRecord) as refused:
            repository.save(record)
        assert refused.value.field == "created_at"
        assert repository.get_many([record.id]) == {}
