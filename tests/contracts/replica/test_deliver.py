"""The contract of `Replica`: states that another store accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from dinerapp.replication.errors import UnstorableRecord
from dinerapp.replication.identity import new_id
from dinerapp.replication.merge import MergePolicy, merge_states
from dinerapp.replication.ports.replica import ApplyOutcome
from dinerapp.replication.version import StoreId, Version
from tests.contracts.kinds import of_every_kind, of_kinds
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, N, P
from tests.contracts.samples import (
    Sample,
    accepted_again_by,
    accepted_by,
    deliver_each,
    identical,
    load_one,
    scan_all,
)
from tests.factories import at

TOO_BIG_FOR_A_DOCUMENT = "x" * (17 * 1024 * 1024)
KEPT_DIFFERENTLY = ("orders", "direct_messages", "reads")
"""Rows with rows of their own, a row, and a document: what size does to them is slow to see."""


@over_stores
@of_every_kind
class TestDeliver:
    """Put if newer."""

    def test_an_unknown_state_is_stored_as_it_comes(self, store: Any, sample: Sample) -> None:
        state = accepted_by(sample.make(), P, M, N)
        [answer] = deliver_each(store, state)
        assert answer.outcome is ApplyOutcome.STORED
        assert answer.displaced_id is None
        assert identical(load_one(store, state), state)

    def test_a_newer_state_is_stored(self, store: Any, sample: Sample) -> None:
        first = accepted_by(sample.make(), P)
        second = accepted_again_by(first, M, **{sample.text: "second"})
        answers = deliver_each(store, first, second)
        assert [answer.outcome for answer in answers] == [ApplyOutcome.STORED, ApplyOutcome.STORED]
        assert identical(load_one(store, first), second)

    def test_a_state_delivered_again_is_there_already(self, store: Any, sample: Sample) -> None:
        state = accepted_by(sample.make(), P, M)
        deliver_each(store, state)
        [answer] = deliver_each(store, state)
        assert answer.outcome is ApplyOutcome.ALREADY_APPLIED
        assert identical(load_one(store, state), state)

    def test_an_older_state_changes_nothing(self, store: Any, sample: Sample) -> None:
        first = accepted_by(sample.make(), P)
        second = accepted_again_by(first, P, **{sample.text: "second"})
        answers = deliver_each(store, second, first)
        assert [answer.outcome for answer in answers] == [
            ApplyOutcome.STORED,
            ApplyOutcome.ALREADY_APPLIED,
        ]
        assert load_one(store, first) == second

    def test_concurrent_states_are_told_apart_and_nothing_is_changed(
        self, store: Any, sample: Sample
    ) -> None:
        base = accepted_by(sample.make(), P)
        ours, theirs = accepted_again_by(base, P), accepted_again_by(base, M)
        deliver_each(store, ours)
        [answer] = deliver_each(store, theirs)
        assert answer.outcome is ApplyOutcome.CONCURRENT
        assert identical(answer.stored, ours)
        assert identical(load_one(store, base), ours)

    def test_another_state_at_the_same_version_is_concurrent(
        self, store: Any, sample: Sample
    ) -> None:
        base = accepted_by(sample.make(), P)
        ours, theirs = accepted_again_by(base, P), accepted_again_by(base, P)
        deliver_each(store, ours)
        [answer] = deliver_each(store, theirs)
        assert answer.outcome is ApplyOutcome.CONCURRENT
        assert answer.stored == ours
        assert load_one(store, base) == ours

    def test_many_states_are_answered_in_the_order_in_which_they_came(
        self, store: Any, sample: Sample
    ) -> None:
        new, old, known, ours = (accepted_by(sample.make(), P) for _ in range(4))
        newer, theirs = accepted_again_by(old, P), accepted_again_by(ours, M)
        mine = accepted_again_by(ours, P)
        deliver_each(store, newer, known, mine)
        answers = store.deliver([theirs, known, new, old])
        assert [answer.outcome for answer in answers] == [
            ApplyOutcome.CONCURRENT,
            ApplyOutcome.ALREADY_APPLIED,
            ApplyOutcome.STORED,
            ApplyOutcome.ALREADY_APPLIED,
        ]
        assert [answer.stored for answer in answers] == [mine, None, None, None]
        answers = store.deliver([new, theirs, old, known])
        assert [answer.outcome for answer in answers] == [
            ApplyOutcome.ALREADY_APPLIED,
            ApplyOutcome.CONCURRENT,
            ApplyOutcome.ALREADY_APPLIED,
            ApplyOutcome.ALREADY_APPLIED,
        ]

    def test_no_states_get_no_answers(self, store: Any) -> None:
        assert list(store.deliver([])) == []

    def test_repeated_and_reordered_deliveries_end_at_the_newest_state(
        self, store: Any, sample: Sample
    ) -> None:
        orders, histories = [*permutations(range(4))], []
        for _ in orders:
            states = [accepted_by(sample.make(), P)]
            for place in (M, P, N):
                states.append(accepted_again_by(states[-1], place, **{sample.text: place}))
            histories.append(states)
        there_and_back = [(*order, *reversed(order)) for order in orders]
        for turn in zip(*there_and_back, strict=True):
            store.deliver([states[n] for states, n in zip(histories, turn, strict=True)])
        found = store.load([states[0].id for states in histories])
        assert all(identical(found[states[0].id], states[3]) for states in histories)

    def test_concurrent_states_end_the_same_in_every_order_of_delivery(
        self, store: Any, sample: Sample
    ) -> None:
        base = accepted_by(sample.make(), P)
        ours = [base]
        theirs = [base]
        for number in range(2):
            ours.append(edited_at(sample, ours[-1], P, f"ours {number}", 10 + number))
            theirs.append(edited_at(sample, theirs[-1], M, f"theirs {number}", 20 + number))
        orders = [*permutations([*ours[1:], *theirs[1:]])]
        own_ids = [new_id() for _ in orders]
        for turn in zip(*orders, strict=True):
            states = zip(turn, own_ids, strict=True)
            settle_in(store, [replace(state, id=own_id) for state, own_id in states])
        found = store.load(own_ids)
        ends = [replace(found[own_id], id=base.id) for own_id in own_ids]
        assert ends == [ends[0]] * 24
        assert ends[0].version == Version(3, 2, 0)
        assert getattr(ends[0], sample.text) == "theirs 1"

    def test_a_tombstone_hides_the_record_but_is_kept(self, store: Any, sample: Sample) -> None:
        alive = accepted_by(sample.make(), P)
        gone = accepted_again_by(alive, M, deleted=True)
        deliver_each(store, alive, gone)
        assert store.get_many([alive.id]) == {}
        assert identical(load_one(store, alive), gone)
        assert gone in scan_all(store)

    def test_a_tombstone_can_come_before_its_record(self, store: Any, sample: Sample) -> None:
        alive = accepted_by(sample.make(), P)
        gone = accepted_again_by(alive, M, deleted=True)
        answers = deliver_each(store, gone, alive)
        assert [answer.outcome for answer in answers] == [
            ApplyOutcome.STORED,
            ApplyOutcome.ALREADY_APPLIED,
        ]
        assert store.get_many([alive.id]) == {}
        assert load_one(store, alive) == gone

    def test_a_change_concurrent_with_a_deletion_does_not_bring_it_back(
        self, store: Any, sample: Sample
    ) -> None:
        alive = accepted_by(sample.make(), P)
        gone, changed = accepted_again_by(alive, P, deleted=True), accepted_again_by(alive, M)
        deliver_each(store, gone)
        [answer] = deliver_each(store, changed)
        assert answer.outcome is ApplyOutcome.CONCURRENT
        settle_in(store, [changed])
        assert load_one(store, alive).deleted
        assert load_one(store, alive).version.dominates(changed.version)
        assert store.get_many([alive.id]) == {}

    @of_kinds(*KEPT_DIFFERENTLY)
    def test_a_state_too_big_for_a_store_stops_no_other(self, store: Any, sample: Sample) -> None:
        before, after = (accepted_by(sample.make(), P) for _ in range(2))
        big = accepted_by(sample.make(**{sample.text: TOO_BIG_FOR_A_DOCUMENT}), P)
        answers = store.deliver([before, big, after])
        assert [answers[0].outcome, answers[2].outcome] == [
            ApplyOutcome.STORED,
            ApplyOutcome.STORED,
        ]
        assert set(store.load([before.id, after.id])) == {before.id, after.id}
        if answers[1].outcome is ApplyOutcome.REFUSED:
            assert answers[1].reason
            assert load_one(store, big) is None
        else:
            assert identical(load_one(store, big), big)

    @of_kinds(*KEPT_DIFFERENTLY)
    def test_a_state_too_big_for_a_store_is_refused_or_taken_whole(
        self, store: Any, sample: Sample
    ) -> None:
        big = sample.make(**{sample.text: TOO_BIG_FOR_A_DOCUMENT})
        try:
            accepted = store.accept(big)
        except UnstorableRecord:
            assert load_one(store, big) is None
        else:
            assert identical(load_one(store, big), accepted)


def edited_at(sample: Sample, record: Any, store_id: StoreId, text: str, seconds: int) -> Any:
    """One more write, accepted by the place at a time."""
    return sample.with_text(record, text, now=at(seconds)).as_accepted_by(store_id)


def settle_in(store: Any, states: Sequence[Any]) -> None:
    """Delivers states of as many records, and merges those that must be."""
    for state, answer in zip(states, store.deliver(states), strict=True):
        if answer.outcome is ApplyOutcome.CONCURRENT:
            merged = merge_states(store.kind, answer.stored, state, MergePolicy()).record
            assert store.replace(answer.stored, merged)
