"""The contract of `Replica`: unique values in delivered states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.replication.errors import DuplicateKey
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.ports.replica import ApplyOutcome, Backlog
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, N, P, fingerprints_of, outbox_entries
from tests.contracts.samples import Stores, accepted_again_by, accepted_by, deliver_each, scan_all
from tests.factories import at, menu_item


@over_stores
class TestDisplacement:
    """Unique values that two records took while the stores were cut off."""

    def test_the_lower_id_displaces_the_higher_one(self, stores: Stores) -> None:
        low, high = two_items("soup")
        answers = deliver_each(stores.menu_items, high, low)
        assert [answer.outcome for answer in answers] == [ApplyOutcome.STORED, ApplyOutcome.STORED]
        assert [answer.displaced_id for answer in answers] == [None, high.id]
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: low, high.id: high}

    def test_the_higher_id_comes_without_the_value(self, stores: Stores) -> None:
        low, high = two_items("soup")
        answers = deliver_each(stores.menu_items, low, high)
        assert [answer.displaced_id for answer in answers] == [None, high.id]
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: low, high.id: high}

    def test_both_in_one_batch_end_the_same(self, stores: Stores) -> None:
        for turn in (1, -1):
            low, high = two_items(f"soup {turn}")
            answers = stores.menu_items.deliver([low, high][::turn])
            assert [answer.outcome for answer in answers] == [
                ApplyOutcome.STORED,
                ApplyOutcome.STORED,
            ]
            assert [a.displaced_id for a in answers if a.displaced_id] == [high.id]
            assert stores.menu_items.load([low.id, high.id]) == {low.id: low, high.id: high}

    def test_the_value_stays_taken_by_the_one_that_has_it(self, stores: Stores) -> None:
        low, high = two_items("soup")
        deliver_each(stores.menu_items, high, low)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(menu_item(slug="soup"))
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(high.with_changes(op_id=new_op_id(), now=at(1), price=1))
        kept = stores.menu_items.save(low.with_changes(op_id=new_op_id(), now=at(1), price=1))
        renamed = stores.menu_items.save(
            high.with_changes(op_id=new_op_id(), now=at(1), slug="stew")
        )
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: kept, high.id: renamed}

    def test_a_merged_state_can_displace_too(self, stores: Stores) -> None:
        low, high = two_items("soup")
        other = replace(low, slug="broth")
        deliver_each(stores.menu_items, other, high)
        assert stores.menu_items.replace(other, low)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(high.with_changes(op_id=new_op_id(), now=at(1), price=1))
        assert stores.menu_items.get(low.id) == low

    def test_a_merged_state_can_be_displaced_too(self, stores: Stores) -> None:
        low, high = two_items("soup")
        other = replace(high, slug="broth")
        deliver_each(stores.menu_items, other, low)
        assert stores.menu_items.replace(other, high)
        assert stores.menu_items.get(high.id) == high
        kept = stores.menu_items.save(low.with_changes(op_id=new_op_id(), now=at(1), price=1))
        assert stores.menu_items.get(low.id) == kept

    def test_a_displaced_record_has_its_value_again_with_its_next_state_once_it_is_free(
        self, stores: Stores
    ) -> None:
        low, high = two_items("soup")
        deliver_each(stores.menu_items, high, low)
        [answer] = deliver_each(stores.menu_items, accepted_again_by(high, M))
        assert (answer.outcome, answer.displaced_id) == (ApplyOutcome.STORED, high.id)
        [answer] = deliver_each(stores.menu_items, accepted_again_by(low, M, slug="broth"))
        assert (answer.outcome, answer.displaced_id) == (ApplyOutcome.STORED, None)
        high = stores.menu_items.get(high.id)
        [answer] = deliver_each(stores.menu_items, accepted_again_by(high, M))
        assert (answer.outcome, answer.displaced_id) == (ApplyOutcome.STORED, None)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(menu_item(slug="soup"))

    def test_many_values_taken_twice_in_one_batch_are_all_settled(self, stores: Stores) -> None:
        pairs = [two_items(f"dish {number}") for number in range(6)]
        alone = [accepted_by(menu_item(), P) for _ in range(6)]
        deliver_each(stores.menu_items, *(high for _, high in pairs[:3]))
        rest = [*(low for low, _ in pairs), *alone, *(high for _, high in pairs[3:])]
        answers = stores.menu_items.deliver(rest, outbox_entries(N))
        assert {answer.outcome for answer in answers} == {ApplyOutcome.STORED}
        displaced = [answer.displaced_id for answer in answers if answer.displaced_id]
        assert sorted(displaced) == sorted(high.id for _, high in pairs)
        assert stores.menu_items.backlog(N) == Backlog(waiting=15)
        everything = [*alone, *(item for pair in pairs for item in pair)]
        assert scan_all(stores.menu_items) == sorted(everything, key=lambda item: item.id)

    def test_a_delivered_deletion_frees_the_value(self, stores: Stores) -> None:
        low, high = two_items("soup")
        deliver_each(stores.menu_items, low, accepted_again_by(low, M, deleted=True))
        [answer] = deliver_each(stores.menu_items, high)
        assert answer.displaced_id is None

    def test_two_tombstones_may_share_a_value(self, stores: Stores) -> None:
        gone = [accepted_again_by(item, M, deleted=True) for item in two_items("soup")]
        answers = deliver_each(stores.menu_items, *gone)
        assert [(a.outcome, a.displaced_id) for a in answers] == [(ApplyOutcome.STORED, None)] * 2
        new = stores.menu_items.save(menu_item(slug="soup"))
        assert stores.menu_items.get(new.id) == new

    def test_displaced_records_have_the_fingerprints_of_their_states(self, stores: Stores) -> None:
        low, high = two_items("soup")
        deliver_each(stores.menu_items, high, low)
        assert stores.menu_items.fingerprints() == fingerprints_of([low, high])


def two_items(slug: str) -> tuple[Any, Any]:
    """Two items with one slug, made in two places; the lower id first."""
    low, high = sorted(new_id() for _ in range(2))
    return (
        accepted_by(menu_item(id=low, slug=slug), P),
        accepted_by(menu_item(id=high, slug=slug), M),
    )
