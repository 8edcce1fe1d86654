"""Contracts that run over samples run over every kind there is."""

from __future__ import annotations

from dinerapp.runtime.registry import PORTS
from tests.contracts.samples import SAMPLES


def test_every_kind_has_a_sample() -> None:
    assert sorted(sample.name for sample in SAMPLES) == sorted(PORTS), (
        "add a factory to tests/factories.py and a line to SAMPLES in tests/contracts/samples.py"
    )


def test_a_sample_is_of_its_kind_and_new_each_time() -> None:
    for sample in SAMPLES:
        one, other = sample.make(), sample.make()
        assert type(one) is PORTS[sample.name].kind.record_type
        assert one.id != other.id
        assert getattr(sample.with_text(one), sample.text) == "edited"
