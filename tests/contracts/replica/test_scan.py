"""The contract of `Replica`: states are found as they are."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.identity import new_id
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import P
from tests.contracts.samples import Sample, accepted_again_by, accepted_by, deliver_each, scan_all


@over_stores
@of_every_kind
class TestScan:
    """States as they are, one by one and all of them."""

    def test_loading_finds_tombstones_too(self, store: Any, sample: Sample) -> None:
        alive = store.save(sample.make())
        gone = store.delete(sample.with_text(store.save(sample.make())))
        wanted = [alive.id, gone.id, new_id()]
        assert store.load(wanted) == {alive.id: alive, gone.id: gone}
        assert store.load([]) == {}

    def test_a_scan_gives_everything_once_in_the_order_of_ids(
        self, store: Any, sample: Sample
    ) -> None:
        states = [accepted_by(sample.make(), P) for _ in range(7)]
        states[3] = accepted_again_by(states[3], P, deleted=True)
        deliver_each(store, *reversed(states))
        expected = sorted(states, key=lambda state: state.id)
        for limit in (1, 2, 7, 100):
            assert scan_all(store, limit) == expected

    def test_a_scan_of_nothing_is_empty(self, store: Any) -> None:
        assert list(store.scan(None, 10)) == []
        assert list(store.scan(new_id(), 10)) == []

    def test_a_scan_goes_on_after_an_id_that_is_not_there(self, store: Any, sample: Sample) -> None:
        low, middle, high = sorted(new_id() for _ in range(3))
        kept = [accepted_by(sample.make(id=record_id), P) for record_id in (low, high)]
        deliver_each(store, *kept)
        assert list(store.scan(middle, 10)) == kept[1:]
