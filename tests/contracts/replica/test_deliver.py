"""The contract of `Replica`: states that another store accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

from dinerapp.replication.errors import Refused
from dinerapp.replication.identity import new_id
from dinerapp.replication.merge import Policy, reconciled
from dinerapp.replication.ports.replica import Taken
from dinerapp.replication.version import Place, Version
from tests.contracts.kinds import of_every_kind, of_kinds
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import M, N, P
from tests.contracts.subjects import Sample, identical, put, rewritten, scanned, stored, written
from tests.makers import at

TOO_BIG_FOR_A_DOCUMENT = "x" * (17 * 1024 * 1024)
KEPT_DIFFERENTLY = ("orders", "direct_messages", "reads")
"""Rows with rows of their own, a row, and a document: what size does to them is slow to see."""


@over_stores
@of_every_kind
class TestDeliver:
    """Put if newer."""

    def test_an_unknown_state_is_stored_as_it_comes(self, store: Any, sample: Sample) -> None:
        state = written(sample.make(), P, M, N)
        [answer] = put(store, state)
        assert answer.taken is Taken.STORED
        assert answer.displaced is None
        assert identical(stored(store, state), state)

    def test_a_newer_state_is_stored(self, store: Any, sample: Sample) -> None:
        first = written(sample.make(), P)
        second = rewritten(first, M, **{sample.text: "second"})
        answers = put(store, first, second)
        assert [answer.taken for answer in answers] == [Taken.STORED, Taken.STORED]
        assert identical(stored(store, first), second)

    def test_a_state_delivered_again_is_there_already(self, store: Any, sample: Sample) -> None:
        state = written(sample.make(), P, M)
        put(store, state)
        [answer] = put(store, state)
        assert answer.taken is Taken.HAD_IT
        assert identical(stored(store, state), state)

    def test_an_older_state_changes_nothing(self, store: Any, sample: Sample) -> None:
        first = written(sample.make(), P)
        second = rewritten(first, P, **{sample.text: "second"})
        answers = put(store, second, first)
        assert [answer.taken for answer in answers] == [Taken.STORED, Taken.HAD_IT]
        assert stored(store, first) == second

    def test_concurrent_states_are_told_apart_and_nothing_is_changed(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        ours, theirs = rewritten(base, P), rewritten(base, M)
        put(store, ours)
        [answer] = put(store, theirs)
        assert answer.taken is Taken.CONCURRENT
        assert identical(answer.stored, ours)
        assert identical(stored(store, base), ours)

    def test_another_state_at_the_same_version_is_concurrent(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        ours, theirs = rewritten(base, P), rewritten(base, P)
        put(store, ours)
        [answer] = put(store, theirs)
        assert answer.taken is Taken.CONCURRENT
        assert answer.stored == ours
        assert stored(store, base) == ours

    def test_many_states_are_answered_in_the_order_in_which_they_came(
        self, store: Any, sample: Sample
    ) -> None:
        new, old, known, ours = (written(sample.make(), P) for _ in range(4))
        newer, theirs = rewritten(old, P), rewritten(ours, M)
        mine = rewritten(ours, P)
        put(store, newer, known, mine)
        answers = store.deliver([theirs, known, new, old])
        assert [answer.taken for answer in answers] == [
            Taken.CONCURRENT,
            Taken.HAD_IT,
            Taken.STORED,
            Taken.HAD_IT,
        ]
        assert [answer.stored for answer in answers] == [mine, None, None, None]
        answers = store.deliver([new, theirs, old, known])
        assert [answer.taken for answer in answers] == [
            Taken.HAD_IT,
            Taken.CONCURRENT,
            Taken.HAD_IT,
            Taken.HAD_IT,
        ]

    def test_no_states_get_no_answers(self, store: Any) -> None:
        assert list(store.deliver([])) == []

    def test_repeated_and_reordered_deliveries_end_at_the_newest_state(
        self, store: Any, sample: Sample
    ) -> None:
        orders, histories = [*permutations(range(4))], []
        for _ in orders:
            states = [written(sample.make(), P)]
            for place in (M, P, N):
                states.append(rewritten(states[-1], place, **{sample.text: place}))
            histories.append(states)
        there_and_back = [(*order, *reversed(order)) for order in orders]
        for turn in zip(*there_and_back, strict=True):
            store.deliver([states[n] for states, n in zip(histories, turn, strict=True)])
        found = store.load([states[0].id for states in histories])
        assert all(identical(found[states[0].id], states[3]) for states in histories)

    def test_concurrent_states_end_the_same_in_every_order_of_delivery(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
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
        alive = written(sample.make(), P)
        gone = rewritten(alive, M, deleted=True)
        put(store, alive, gone)
        assert store.get_many([alive.id]) == {}
        assert identical(stored(store, alive), gone)
        assert gone in scanned(store)

    def test_a_tombstone_can_come_before_its_record(self, store: Any, sample: Sample) -> None:
        alive = written(sample.make(), P)
        gone = rewritten(alive, M, deleted=True)
        answers = put(store, gone, alive)
        assert [answer.taken for answer in answers] == [Taken.STORED, Taken.HAD_IT]
        assert store.get_many([alive.id]) == {}
        assert stored(store, alive) == gone

    def test_a_change_concurrent_with_a_deletion_does_not_bring_it_back(
        self, store: Any, sample: Sample
    ) -> None:
        alive = written(sample.make(), P)
        gone, changed = rewritten(alive, P, deleted=True), rewritten(alive, M)
        put(store, gone)
        [answer] = put(store, changed)
        assert answer.taken is Taken.CONCURRENT
        settle_in(store, [changed])
        assert stored(store, alive).deleted
        assert stored(store, alive).version.covers(changed.version)
        assert store.get_many([alive.id]) == {}

    @of_kinds(*KEPT_DIFFERENTLY)
    def test_a_state_too_big_for_a_store_stops_no_other(self, store: Any, sample: Sample) -> None:
        before, after = (written(sample.make(), P) for _ in range(2))
        big = written(sample.make(**{sample.text: TOO_BIG_FOR_A_DOCUMENT}), P)
        answers = store.deliver([before, big, after])
        assert [answers[0].taken, answers[2].taken] == [Taken.STORED, Taken.STORED]
        assert set(store.load([before.id, after.id])) == {before.id, after.id}
        if answers[1].taken is Taken.REFUSED:
            assert answers[1].reason
            assert stored(store, big) is None
        else:
            assert identical(stored(store, big), big)

    @of_kinds(*KEPT_DIFFERENTLY)
    def test_a_state_too_big_for_a_store_is_refused_or_taken_whole(
        self, store: Any, sample: Sample
    ) -> None:
        big = sample.make(**{sample.text: TOO_BIG_FOR_A_DOCUMENT})
        try:
            accepted = store.accept(big)
        except Refused:
            assert stored(store, big) is None
        else:
            assert identical(stored(store, big), accepted)


def edited_at(sample: Sample, record: Any, place: Place, text: str, seconds: int) -> Any:
    """One more write, accepted by the place at a time."""
    return sample.edited(record, text, now=at(seconds)).stamped(place)


def settle_in(store: Any, states: Sequence[Any]) -> None:
    """Delivers states of as many records, and merges those that must be."""
    for state, answer in zip(states, store.deliver(states), strict=True):
        if answer.taken is Taken.CONCURRENT:
            merged = reconciled(store.kind, answer.stored, state, Policy()).record
            assert store.replace(answer.stored, merged)
