"""The contract of `Replica`, for every kind of record in every store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication import codec
from dinerapp.replication.conflicts import CONFLICTS
from dinerapp.replication.errors import (
    AlreadyExists,
    DuplicateKey,
    Exhausted,
    NotFound,
    Refused,
    Replayed,
    StaleVersion,
)
from dinerapp.replication.identity import new_id, new_op_id
from dinerapp.replication.merge import Policy, reconciled
from dinerapp.replication.ports.replica import Audience, Backlog, Count, Fingerprint, Owing, Taken
from dinerapp.replication.replicator import Handover
from dinerapp.replication.version import Place, Version
from tests.contracts.kinds import of_kinds
from tests.contracts.subjects import (
    SAMPLES,
    Sample,
    Stores,
    at_once,
    identical,
    ids,
    put,
    rewritten,
    scanned,
    stored,
    written,
)
from tests.makers import at, counted_order, elsewhere, menu_item
from tests.simulation.reference import ReferenceDatabase, ReferenceStore

P, M, N = Place.POSTGRESQL, Place.MONGODB, Place.NOCODB
F = Audience.FOLLOWERS
DUE, NOW, LEASE = at(), at(10), at(100)
TOO_BIG_FOR_A_DOCUMENT = "x" * (17 * 1024 * 1024)
KEPT_DIFFERENTLY = ("orders", "direct_messages", "reads")
"""Rows with rows of their own, a row, and a document: what size does to them is slow to see."""


class AcceptContract:
    """Compare-and-set on the version."""

    def test_an_accepted_state_is_the_one_the_record_stamps(
        self, store: Any, sample: Sample
    ) -> None:
        record = codec.canonical(sample.make())
        accepted = store.accept(record)
        assert identical(accepted, record.stamped(store.place))
        assert identical(stored(store, record), accepted)

    def test_only_the_counter_of_this_place_is_raised(self, store: Any, sample: Sample) -> None:
        foreign = written(sample.make(), elsewhere(store.place), N)
        put(store, foreign)
        accepted = store.accept(sample.edited(foreign))
        assert accepted.version == foreign.version.raised(store.place)
        assert accepted.source == store.place
        assert [step.op_id for step in accepted.trail[:1]] == [foreign.trail[0].op_id]

    def test_a_state_that_saw_less_than_the_stored_one_is_stale(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        foreign = rewritten(first, elsewhere(store.place))
        put(store, foreign)
        with pytest.raises(StaleVersion) as refused:
            store.accept(sample.edited(first))
        assert refused.value.stored == foreign
        assert stored(store, first) == foreign

    def test_a_state_read_from_the_other_store_is_stale_if_it_misses_one_write_of_this_one(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make())
        second = store.accept(sample.edited(first))
        read = rewritten(rewritten(first, elsewhere(store.place)), elsewhere(store.place))
        with pytest.raises(StaleVersion):
            store.accept(sample.edited(read))
        assert stored(store, first) == second

    def test_a_deleted_state_can_be_the_first_this_store_hears_of_a_record(
        self, store: Any, sample: Sample
    ) -> None:
        read = written(sample.make(), elsewhere(store.place))
        gone = store.accept(replace(sample.edited(read), deleted=True))
        assert gone.deleted
        assert stored(store, read) == gone
        with pytest.raises(NotFound):
            store.get(read.id)


class DeliverContract:
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


class ReplaceContract:
    """A merged state in place of exactly the one it was made from."""

    def test_the_expected_state_is_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        merged = rewritten(base, M, **{sample.text: "merged"})
        put(store, base)
        assert store.replace(base, merged)
        assert identical(stored(store, base), merged)

    def test_a_state_at_the_same_version_can_be_put_in_place(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        merged = replace(base, **{sample.text: "merged"})
        put(store, base)
        assert store.replace(base, merged)
        assert identical(stored(store, base), merged)

    def test_a_state_that_moved_on_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        newer = rewritten(base, P)
        put(store, newer)
        assert not store.replace(base, rewritten(base, M))
        assert stored(store, base) == newer

    def test_another_state_at_the_expected_version_is_not_replaced(
        self, store: Any, sample: Sample
    ) -> None:
        base = written(sample.make(), P)
        put(store, base)
        imagined = replace(base, **{sample.text: "never stored"})
        assert not store.replace(imagined, rewritten(imagined, M))
        assert stored(store, base) == base

    def test_what_is_not_there_is_not_replaced(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        assert not store.replace(base, rewritten(base, M))
        assert stored(store, base) is None

    def test_a_tombstone_can_be_put_in_place(self, store: Any, sample: Sample) -> None:
        base = written(sample.make(), P)
        put(store, base)
        assert store.replace(base, rewritten(base, M, deleted=True))
        assert store.get_many([base.id]) == {}

    def test_the_debts_are_those_of_the_merged_state(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        base = store.accept(sample.make(), owing(N))
        merged = rewritten(base, to)
        assert store.replace(base, merged, owing(to, missed=True))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        assert [owed.record for owed in claim(store, to)] == [merged]


class ScanContract:
    """States as they are, one by one and all of them."""

    def test_loading_finds_tombstones_too(self, store: Any, sample: Sample) -> None:
        alive = store.save(sample.make())
        gone = store.delete(sample.edited(store.save(sample.make())))
        wanted = [alive.id, gone.id, new_id()]
        assert store.load(wanted) == {alive.id: alive, gone.id: gone}
        assert store.load([]) == {}

    def test_a_scan_gives_everything_once_in_the_order_of_ids(
        self, store: Any, sample: Sample
    ) -> None:
        states = [written(sample.make(), P) for _ in range(7)]
        states[3] = rewritten(states[3], P, deleted=True)
        put(store, *reversed(states))
        expected = sorted(states, key=lambda state: state.id)
        for limit in (1, 2, 7, 100):
            assert scanned(store, limit) == expected

    def test_a_scan_of_nothing_is_empty(self, store: Any) -> None:
        assert list(store.scan(None, 10)) == []
        assert list(store.scan(new_id(), 10)) == []

    def test_a_scan_goes_on_after_an_id_that_is_not_there(self, store: Any, sample: Sample) -> None:
        low, middle, high = sorted(new_id() for _ in range(3))
        kept = [written(sample.make(id=record_id), P) for record_id in (low, high)]
        put(store, *kept)
        assert list(store.scan(middle, 10)) == kept[1:]


class DebtContract:
    """What a store owes the other one, and how relays share the work."""

    def test_an_accepted_state_is_owed(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to))
        [owed] = claim(store, to)
        assert identical(owed.record, accepted)
        assert owed.tries == 0
        assert claim(store, N) == []

    def test_a_state_without_debts_is_owed_to_nobody(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        store.save(sample.make())
        put(store, written(sample.make(), P))
        assert store.backlog(to) == Backlog()
        assert claim(store, to) == []

    def test_a_refused_state_leaves_no_debt(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        first = store.save(sample.make())
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), owing(to))
        with pytest.raises(Replayed):
            store.accept(replace(first, version=Version()), owing(to))
        assert store.backlog(to) == Backlog()

    def test_a_refused_state_leaves_the_debt_of_the_stored_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to, missed=True))
        with pytest.raises(AlreadyExists):
            store.accept(sample.make(id=first.id), owing(N))
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        assert store.backlog(N) == Backlog()

    def test_a_tombstone_is_owed_like_any_state(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        first = store.save(sample.make())
        gone = store.accept(replace(sample.edited(first), deleted=True), owing(to))
        assert [owed.record for owed in claim(store, to)] == [gone]

    def test_debts_are_claimed_oldest_first_and_no_more_than_asked_for(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        for number in (3, 1, 4, 0, 2):
            record = sample.make(created_at=at(number), updated_at=at(number))
            store.accept(replace(record, **{sample.text: str(number)}), owing(to, due=at(number)))
        claimed = [claim(store, to, limit=2, now=at(10), until=at(99)) for _ in range(4)]
        texts = [[getattr(owed.record, sample.text) for owed in some] for some in claimed]
        assert texts == [["0", "1"], ["2", "3"], ["4"], []]

    def test_a_debt_that_is_not_due_yet_is_not_given_out(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to, due=at(10)))
        assert claim(store, to, now=at(9.999)) == []
        assert ids(owed.record for owed in claim(store, to, now=at(10))) == [accepted.id]

    def test_kinds_of_which_something_is_due_or_missed_are_found_in_one_question(
        self, stores: Any, store: Any, sample: Sample
    ) -> None:
        to, kinds = elsewhere(store.place), [one.name for one in SAMPLES]
        assert not store.kinds_due(to, kinds, at(10))
        assert not store.kinds_missed(to, kinds)
        own = store.accept(sample.make(), owing(to, due=at(10)))
        beside = next(one for one in SAMPLES if one is not sample)
        other = beside.name
        others = getattr(stores, other).accept(beside.make(), owing(to, due=at(20), missed=True))
        for asked in (store, getattr(stores, other)):
            assert set(asked.kinds_due(to, kinds, at(9.999))) == set()
            assert set(asked.kinds_due(to, kinds, at(10))) == {sample.name}
            assert set(asked.kinds_due(to, kinds, at(20))) == {sample.name, other}
            assert set(asked.kinds_due(to, [other], at(20))) == {other}
            assert set(asked.kinds_due(N, kinds, at(20))) == set()
            assert set(asked.kinds_missed(to, kinds)) == {other}
        for settled, state in ((store, own), (getattr(stores, other), others)):
            settled.settle(to, [(state.id, state.version)])
        assert not store.kinds_due(to, kinds, at(20))
        assert not store.kinds_missed(to, kinds)

    def test_a_leased_debt_is_given_to_nobody_else_until_the_lease_ends(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to, due=at(0)))
        assert len(claim(store, to, now=at(1), until=at(60))) == 1
        assert claim(store, to, now=at(2), until=at(62)) == []
        assert claim(store, to, now=at(59.999), until=at(120)) == []
        again = claim(store, to, now=at(60), until=at(120))
        assert [owed.record for owed in again] == [accepted]
        assert store.backlog(to).waiting == 1

    def test_a_shipped_debt_is_struck_off(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        first, second = (store.accept(sample.make(), owing(to)) for _ in range(2))
        claim(store, to)
        store.settle(to, [(first.id, first.version)])
        assert store.backlog(to) == Backlog(waiting=1)
        assert [o.record for o in claim(store, to, now=at(9999))] == [second]
        store.settle(to, [(first.id, first.version), (second.id, second.version)])
        store.settle(to, [])
        assert store.backlog(to) == Backlog()

    def test_a_debt_nobody_claimed_can_be_struck_off_too(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to, missed=True))
        store.settle(to, [(accepted.id, accepted.version), (new_id(), accepted.version)])
        assert store.backlog(to) == Backlog()

    def test_a_parked_debt_that_was_shipped_after_all_is_struck_off(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to))
        store.postpone(to, (accepted.id, accepted.version), "no", at(5), park=True)
        store.settle(to, [(accepted.id, accepted.version)])
        assert store.backlog(to) == Backlog()
        assert list(store.parked(to, 10)) == []

    def test_a_newer_write_is_not_struck_off_with_the_older_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to))
        claim(store, to)
        second = store.accept(sample.edited(first), owing(to))
        store.settle(to, [(first.id, first.version)])
        assert store.backlog(to).waiting == 1
        assert [owed.record for owed in claim(store, to)] == [second]

    def test_a_newer_write_makes_a_leased_debt_due_again(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to, due=at(0)))
        claim(store, to, now=at(1), until=at(600))
        second = store.accept(sample.edited(first), owing(to, due=at(2)))
        assert [owed.record for owed in claim(store, to, now=at(2))] == [second]
        assert store.backlog(to).waiting == 1

    def test_a_newer_write_takes_a_debt_out_of_the_parking(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to))
        store.postpone(to, (first.id, first.version), "no", at(5), park=True)
        second = store.accept(sample.edited(first), owing(to))
        assert store.backlog(to) == Backlog(waiting=1)
        [owed] = claim(store, to)
        assert owed.record == second
        assert owed.tries == 0

    def test_a_write_that_owes_nothing_clears_the_debt_before_it(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to))
        store.accept(sample.edited(first))
        assert store.backlog(to) == Backlog()

    def test_a_delivered_state_replaces_the_debts_of_the_one_before(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        one, other = (store.accept(sample.make(), owing(to, missed=True)) for _ in range(2))
        put(store, rewritten(one, to))
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        newer = rewritten(other, to)
        store.deliver([newer], owing(N))
        assert store.backlog(to) == Backlog()
        assert [owed.record for owed in claim(store, N)] == [newer]

    def test_a_delivery_that_is_not_kept_leaves_the_debts_alone(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to, missed=True))
        second = store.accept(sample.edited(first), owing(to, missed=True))
        store.deliver([first], owing(N))
        store.deliver([second], owing(N))
        store.deliver([rewritten(first, to)], owing(N))
        assert store.backlog(N) == Backlog()
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        assert [owed.record for owed in claim(store, to)] == [second]

    def test_debts_to_two_places_are_settled_one_by_one(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        debts = [*owing(to), *owing(N, missed=True)]
        accepted = store.accept(sample.make(), debts)
        assert [owed.record for owed in claim(store, to)] == [accepted]
        store.settle(to, [(accepted.id, accepted.version)])
        assert store.backlog(to) == Backlog()
        assert store.backlog(N) == Backlog(waiting=1, missed=1)
        assert [owed.record for owed in claim(store, N)] == [accepted]

    def test_what_followers_are_owed_is_no_backlog_of_a_place(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        debts = [Owing(F, DUE, missed=True), *owing(to)]
        accepted = store.accept(sample.make(), debts)
        assert store.backlog(to) == Backlog(waiting=1)
        assert store.backlog(F) == Backlog(waiting=1, missed=1)
        store.settle(to, [(accepted.id, accepted.version)])
        assert [owed.record for owed in claim(store, F)] == [accepted]
        store.postpone(F, (accepted.id, accepted.version), "no", at(5), park=True)
        assert [parked.reason for parked in store.parked(F, 10)] == ["no"]
        assert store.retry_parked(F, at(20)) == 1
        assert [owed.record for owed in claim(store, F, now=at(20))] == [accepted]
        store.settle(F, [(accepted.id, accepted.version)])
        assert store.backlog(F) == Backlog()

    def test_a_newer_state_of_another_maker_is_for_that_one_to_show_to_followers(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make(), [Owing(F, DUE, missed=True)])
        put(store, rewritten(first, elsewhere(store.place)))
        assert store.backlog(F) == Backlog()

    def test_a_failed_try_is_counted_and_put_off(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to))
        for number in range(3):
            [owed] = claim(store, to, now=at(100 * number), until=at(100 * number + 10))
            assert owed.tries == number
            due = at(100 * (number + 1))
            store.postpone(to, (accepted.id, accepted.version), f"try {number}", due, park=False)
        assert claim(store, to, now=at(299)) == []
        assert store.backlog(to).waiting == 1

    def test_a_parked_debt_is_given_to_nobody_and_says_why(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        poisoned, healthy = (store.accept(sample.make(), owing(to)) for _ in range(2))
        store.postpone(to, (poisoned.id, poisoned.version), "first", at(1), park=False)
        store.postpone(
            to, (poisoned.id, poisoned.version), "it's \N{SKULL} poisoned", at(2), park=True
        )
        assert [owed.record for owed in claim(store, to, now=at(9999))] == [healthy]
        [parked] = store.parked(to, 10)
        assert parked.kind == store.kind.name
        assert parked.record_id == poisoned.id
        assert parked.tries == 2
        assert parked.reason == "it's \N{SKULL} poisoned"
        assert parked.since.utcoffset() == timedelta(0)
        assert store.parked(N, 10) == []

    def test_parked_debts_are_listed_oldest_first(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        parked = []
        for number in range(4):
            record = sample.make(created_at=at(number), updated_at=at(number))
            parked.append(store.accept(record, owing(to, due=at(number))))
        for number, each in enumerate(parked):
            store.postpone(to, (each.id, each.version), "no", at(10 + number), park=True)
        ids = [each.id for each in parked]
        assert [each.record_id for each in store.parked(to, 10)] == ids
        assert [each.record_id for each in store.parked(to, 2)] == ids[:2]

    def test_a_newer_state_is_not_held_responsible_for_the_one_that_was_refused(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        refused = store.accept(sample.make(), owing(to, missed=True))
        store.accept(sample.edited(refused), owing(to))
        store.postpone(to, (refused.id, refused.version), "no", at(5), park=True)
        assert store.backlog(to) == Backlog(waiting=1, missed=1)

    def test_parked_debts_can_be_tried_again(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        first, second, waiting = (store.accept(sample.make(), owing(to)) for _ in range(3))
        for record in (first, second):
            store.postpone(to, (record.id, record.version), "no", at(5), park=True)
        assert store.backlog(to) == Backlog(waiting=1, parked=2)
        assert store.retry_parked(N, at(100)) == 0
        assert store.retry_parked(to, at(100)) == 2
        assert store.retry_parked(to, at(100)) == 0
        assert store.backlog(to) == Backlog(waiting=3)
        assert list(store.parked(to, 10)) == []
        claimed = claim(store, to, now=at(100))
        assert {owed.record.id for owed in claimed} == {first.id, second.id, waiting.id}

    def test_postponing_what_is_no_longer_owed_changes_nothing(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        accepted = store.save(sample.make())
        for record_id in (accepted.id, new_id()):
            store.postpone(to, (record_id, accepted.version), "no", at(5), park=True)
        assert store.backlog(to) == Backlog()
        assert stored(store, accepted) == accepted

    def test_the_backlog_tells_missed_debts_from_those_under_way(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        assert store.backlog(to) == Backlog()
        missed = [store.accept(sample.make(), owing(to, missed=True)) for _ in range(3)]
        under_way = store.accept(sample.make(), owing(to))
        assert store.backlog(to) == Backlog(waiting=4, missed=3)
        claim(store, to, limit=1)
        assert store.backlog(to) == Backlog(waiting=4, missed=3)
        store.postpone(to, (missed[0].id, missed[0].version), "no", at(5), park=True)
        assert store.backlog(to) == Backlog(waiting=3, missed=2, parked=1)
        store.settle(to, [(missed[1].id, missed[1].version), (under_way.id, under_way.version)])
        assert store.backlog(to) == Backlog(waiting=1, missed=1, parked=1)
        assert store.backlog(N) == Backlog()

    def test_a_debt_that_failed_once_keeps_its_store_from_nothing(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to, missed=True))
        store.postpone(to, (accepted.id, accepted.version), "later", at(5), park=False)
        assert store.backlog(to) == Backlog(waiting=1, missed=0)

    def test_a_delivery_that_did_not_get_through_is_missed_and_due_at_once(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        debts = [*owing(to, due=at(500)), *owing(N, due=at(500))]
        lost, under_way = (store.accept(sample.make(), debts) for _ in range(2))
        store.miss(to, [lost.id], at(20))
        assert store.backlog(to) == Backlog(waiting=2, missed=1)
        assert store.backlog(N) == Backlog(waiting=2)
        assert claim(store, to, now=at(19)) == []
        assert [o.record for o in claim(store, to, now=at(20), until=at(300))] == [lost]
        store.miss(to, [lost.id, under_way.id], at(30))
        assert store.backlog(to) == Backlog(waiting=2, missed=2)
        assert len(claim(store, to, now=at(30), until=at(300))) == 2
        assert claim(store, N, now=at(30)) == []

    def test_a_parked_debt_keeps_its_store_from_nothing_even_if_it_is_missed(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to))
        store.postpone(to, (accepted.id, accepted.version), "no", at(5), park=True)
        store.miss(to, [accepted.id], at(20))
        assert store.backlog(to) == Backlog(parked=1)
        assert claim(store, to, now=at(30)) == []

    def test_what_is_not_owed_cannot_be_missed(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(N))
        store.miss(to, [accepted.id, new_id()], at(20))
        store.miss(to, [], at(20))
        assert store.backlog(to) == Backlog()
        assert claim(store, to, now=at(30)) == []
        assert stored(store, accepted) == accepted

    def test_who_missed_a_state_has_missed_it_until_a_later_one_has_arrived(
        self, store: Any, sample: Sample
    ) -> None:
        to = elsewhere(store.place)
        first = store.accept(sample.make(), owing(to, missed=True))
        second = store.accept(sample.edited(first), owing(to))
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        third = rewritten(second, N)
        store.deliver([third], owing(to))
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        merged = rewritten(third, N)
        assert store.replace(third, merged, owing(to))
        assert store.backlog(to) == Backlog(waiting=1, missed=1)
        store.settle(to, [(merged.id, merged.version)])
        store.accept(sample.edited(merged), owing(to))
        assert store.backlog(to) == Backlog(waiting=1, missed=0)


class ShapeContract:
    """States that were stored when their kind had another shape, and other digests."""

    def test_their_digests_are_made_anew(
        self, store: Any, sample: Sample, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        states = [written(sample.make(), P) for _ in range(3)]
        put_long_ago(store, monkeypatch, *states[:2])
        put(store, states[2])
        unknown = [new_id(), "nonsense", "\0", "\ud800"]
        assert store.refresh([state.id for state in states] + unknown) == 2
        assert store.fingerprints() == fingerprints_of(states)
        assert store.refresh([state.id for state in states]) == 0
        assert [stored(store, state) for state in states] == states

    def test_they_are_merged_like_others(
        self, store: Any, sample: Sample, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        base = written(sample.make(), P, M)
        here, there = (
            rewritten(base, place, **{sample.text: place})
            for place in (store.place, elsewhere(store.place))
        )
        put_long_ago(store, monkeypatch, here)
        handover, other = Handover(Policy()), ReferenceDatabase(elsewhere(store.place))
        handover.file_in(ReferenceStore(other, CONFLICTS))
        handed = handover.deliver([there], ReferenceStore(other, store.kind), store)
        assert not handed.refused
        merged = stored(store, base)
        assert merged.includes(here)
        assert merged.includes(there)
        assert store.fingerprints() == fingerprints_of([merged])


def put_long_ago(store: Any, monkeypatch: pytest.MonkeyPatch, *states: Any) -> None:
    """As an older release would have."""
    digest = codec.digest
    with monkeypatch.context() as past:
        past.setattr(codec, "digest", lambda record: digest(record) ^ 1)
        put(store, *states)


class FingerprintContract:
    """How two stores find out in what they differ."""

    def test_an_empty_store_has_no_fingerprints(self, store: Any) -> None:
        assert store.fingerprints() == {}
        assert store.bucket(0) == {}

    def test_fingerprints_are_those_of_the_states_in_whatever_store(
        self, store: Any, sample: Sample
    ) -> None:
        states = [written(sample.make(), P, M) for _ in range(20)]
        states.append(rewritten(written(sample.make(), P), P, deleted=True))
        put(store, *states)
        assert store.fingerprints() == fingerprints_of(states)
        for number, found in fingerprints_of(states).items():
            digests = store.bucket(number)
            assert digests == {
                state.id: codec.digest(state)
                for state in states
                if codec.bucket(state.id) == number
            }
            assert sum(digests.values()) == found.digest

    def test_fingerprints_follow_every_way_of_writing(self, store: Any, sample: Sample) -> None:
        first = store.save(sample.make())
        second = store.save(sample.edited(first))
        assert store.fingerprints() == fingerprints_of([second])
        third = rewritten(second, M)
        put(store, third, first)
        assert store.fingerprints() == fingerprints_of([third])
        merged = rewritten(third, P)
        store.replace(third, merged)
        assert store.fingerprints() == fingerprints_of([merged])
        gone = store.delete(sample.edited(merged))
        assert store.fingerprints() == fingerprints_of([gone])

    def test_debts_do_not_show_in_fingerprints(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = store.accept(sample.make(), owing(to, missed=True))
        store.postpone(to, (accepted.id, accepted.version), "no", at(5), park=True)
        assert store.fingerprints() == fingerprints_of([accepted])


class WholeStoreContract:
    """Many records, and several kinds of them, in one store."""

    def test_each_kind_has_debts_of_its_own(self, stores: Stores) -> None:
        to = elsewhere(stores.database.place)
        item = stores.menu_items.accept(menu_item(), owing(to, missed=True))
        order = stores.orders.accept(counted_order(item.id), owing(to))
        assert stores.menu_items.backlog(to) == Backlog(waiting=1, missed=1)
        assert stores.orders.backlog(to) == Backlog(waiting=1)
        assert stores.conflicts.backlog(to) == Backlog()
        assert [owed.record for owed in claim(stores.orders, to)] == [order]
        stores.orders.postpone(to, (order.id, order.version), "no", at(5), park=True)
        assert stores.menu_items.retry_parked(to, at(9)) == 0
        assert [owed.record for owed in claim(stores.menu_items, to)] == [item]

    def test_thousands_of_states_are_kept_scanned_and_fingerprinted(self, stores: Stores) -> None:
        store = stores.orders
        item_id = new_id()
        states = [written(counted_order(item_id), P) for _ in range(2000)]
        for start in range(0, len(states), 500):
            answers = store.deliver(states[start : start + 500])
            assert {answer.taken for answer in answers} == {Taken.STORED}
        assert [answer.taken for answer in store.deliver(states[:500])] == [Taken.HAD_IT] * 500
        assert scanned(store) == sorted(states, key=lambda state: state.id)
        assert store.fingerprints() == fingerprints_of(states)
        assert held(stores, item_id) == 2000


class DeliveredStockContract:
    """Counted things in states that another store accepted."""

    def test_what_another_store_sold_is_counted_without_a_limit(self, stores: Stores) -> None:
        item = stores.menu_items.save(menu_item(stock_limit=2))
        [answer] = put(stores.orders, written(counted_order(item.id, 3), P))
        assert answer.taken is Taken.STORED
        key = f"stock:{item.id}"
        assert stores.orders.counts([key]) == {key: Count(held=3, ceiling=2)}
        with pytest.raises(Exhausted):
            stores.orders.save(counted_order(item.id, 1))

    def test_a_repeated_delivery_is_counted_once(self, stores: Stores) -> None:
        item_id = new_id()
        state = written(counted_order(item_id, 3), P)
        put(stores.orders, state, state)
        stores.orders.deliver([state])
        assert held(stores, item_id) == 3

    def test_states_out_of_order_are_counted_as_the_newest_one(self, stores: Stores) -> None:
        item_id = new_id()
        first = written(counted_order(item_id, 3), P)
        second = rewritten(first, P, lines=(replace(first.lines[0], quantity=5),))
        third = rewritten(second, M, status=Status.CANCELLED)
        put(stores.orders, second)
        assert held(stores, item_id) == 5
        put(stores.orders, first, third, second, first)
        assert held(stores, item_id) == 0

    def test_a_concurrent_state_is_counted_only_once_it_is_merged(self, stores: Stores) -> None:
        item_id = new_id()
        base = written(counted_order(item_id, 3), P)
        grown = rewritten(base, M, lines=(replace(base.lines[0], quantity=7),))
        ours = rewritten(base, P)
        put(stores.orders, ours, grown)
        assert held(stores, item_id) == 3
        assert stores.orders.replace(ours, grown.joined(ours))
        assert held(stores, item_id) == 7

    def test_a_batch_counts_all_of_its_states(self, stores: Stores) -> None:
        one, other = new_id(), new_id()
        batch = [written(counted_order(item_id, 2), P) for item_id in (one, other) * 10]
        stores.orders.deliver(batch)
        assert held(stores, one) == held(stores, other) == 20

    def test_a_delivered_deletion_gives_back(self, stores: Stores) -> None:
        item_id = new_id()
        state = written(counted_order(item_id, 3), P)
        put(stores.orders, state, rewritten(state, M, deleted=True), state)
        assert held(stores, item_id) == 0

    def test_a_delivered_limit_holds_from_then_on(self, stores: Stores) -> None:
        first = written(menu_item(stock_limit=5), P)
        second = rewritten(first, P, stock_limit=1)
        put(stores.menu_items, second, first)
        stores.orders.save(counted_order(first.id, 1))
        with pytest.raises(Exhausted):
            stores.orders.save(counted_order(first.id, 1))

    def test_a_limit_can_come_after_what_it_limits(self, stores: Stores) -> None:
        item = written(menu_item(stock_limit=3), P)
        put(stores.orders, written(counted_order(item.id, 2), P))
        put(stores.menu_items, item)
        key = f"stock:{item.id}"
        assert stores.orders.counts([key]) == {key: Count(held=2, ceiling=3)}
        with pytest.raises(Exhausted):
            stores.orders.save(counted_order(item.id, 2))

    def test_counts_are_known_to_every_kind_and_zero_for_what_nobody_holds(
        self, stores: Stores
    ) -> None:
        item = stores.menu_items.save(menu_item(stock_limit=3))
        stores.orders.save(counted_order(item.id, 2))
        key, unknown = f"stock:{item.id}", "stock:unknown"
        for store in (stores.orders, stores.menu_items, stores.conflicts):
            assert store.counts([key, unknown]) == {key: Count(2, 3), unknown: Count(0, None)}
            assert store.counts([]) == {}


class DisplacementContract:
    """Unique values that two records took while the stores were cut off."""

    def test_the_lower_id_displaces_the_higher_one(self, stores: Stores) -> None:
        low, high = two_items("soup")
        answers = put(stores.menu_items, high, low)
        assert [answer.taken for answer in answers] == [Taken.STORED, Taken.STORED]
        assert [answer.displaced for answer in answers] == [None, high.id]
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: low, high.id: high}

    def test_the_higher_id_comes_without_the_value(self, stores: Stores) -> None:
        low, high = two_items("soup")
        answers = put(stores.menu_items, low, high)
        assert [answer.displaced for answer in answers] == [None, high.id]
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: low, high.id: high}

    def test_both_in_one_batch_end_the_same(self, stores: Stores) -> None:
        for turn in (1, -1):
            low, high = two_items(f"soup {turn}")
            answers = stores.menu_items.deliver([low, high][::turn])
            assert [answer.taken for answer in answers] == [Taken.STORED, Taken.STORED]
            assert [a.displaced for a in answers if a.displaced] == [high.id]
            assert stores.menu_items.load([low.id, high.id]) == {low.id: low, high.id: high}

    def test_the_value_stays_taken_by_the_one_that_has_it(self, stores: Stores) -> None:
        low, high = two_items("soup")
        put(stores.menu_items, high, low)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(menu_item(slug="soup"))
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(high.changed(op_id=new_op_id(), now=at(1), price=1))
        kept = stores.menu_items.save(low.changed(op_id=new_op_id(), now=at(1), price=1))
        renamed = stores.menu_items.save(high.changed(op_id=new_op_id(), now=at(1), slug="stew"))
        assert stores.menu_items.get_many([low.id, high.id]) == {low.id: kept, high.id: renamed}

    def test_a_merged_state_can_displace_too(self, stores: Stores) -> None:
        low, high = two_items("soup")
        other = replace(low, slug="broth")
        put(stores.menu_items, other, high)
        assert stores.menu_items.replace(other, low)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(high.changed(op_id=new_op_id(), now=at(1), price=1))
        assert stores.menu_items.get(low.id) == low

    def test_a_merged_state_can_be_displaced_too(self, stores: Stores) -> None:
        low, high = two_items("soup")
        other = replace(high, slug="broth")
        put(stores.menu_items, other, low)
        assert stores.menu_items.replace(other, high)
        assert stores.menu_items.get(high.id) == high
        kept = stores.menu_items.save(low.changed(op_id=new_op_id(), now=at(1), price=1))
        assert stores.menu_items.get(low.id) == kept

    def test_a_displaced_record_has_its_value_again_with_its_next_state_once_it_is_free(
        self, stores: Stores
    ) -> None:
        low, high = two_items("soup")
        put(stores.menu_items, high, low)
        [answer] = put(stores.menu_items, rewritten(high, M))
        assert (answer.taken, answer.displaced) == (Taken.STORED, high.id)
        [answer] = put(stores.menu_items, rewritten(low, M, slug="broth"))
        assert (answer.taken, answer.displaced) == (Taken.STORED, None)
        high = stores.menu_items.get(high.id)
        [answer] = put(stores.menu_items, rewritten(high, M))
        assert (answer.taken, answer.displaced) == (Taken.STORED, None)
        with pytest.raises(DuplicateKey):
            stores.menu_items.save(menu_item(slug="soup"))

    def test_many_values_taken_twice_in_one_batch_are_all_settled(self, stores: Stores) -> None:
        pairs = [two_items(f"dish {number}") for number in range(6)]
        alone = [written(menu_item(), P) for _ in range(6)]
        put(stores.menu_items, *(high for _, high in pairs[:3]))
        rest = [*(low for low, _ in pairs), *alone, *(high for _, high in pairs[3:])]
        answers = stores.menu_items.deliver(rest, owing(N))
        assert {answer.taken for answer in answers} == {Taken.STORED}
        displaced = [answer.displaced for answer in answers if answer.displaced]
        assert sorted(displaced) == sorted(high.id for _, high in pairs)
        assert stores.menu_items.backlog(N) == Backlog(waiting=15)
        everything = [*alone, *(item for pair in pairs for item in pair)]
        assert scanned(stores.menu_items) == sorted(everything, key=lambda item: item.id)

    def test_a_delivered_deletion_frees_the_value(self, stores: Stores) -> None:
        low, high = two_items("soup")
        put(stores.menu_items, low, rewritten(low, M, deleted=True))
        [answer] = put(stores.menu_items, high)
        assert answer.displaced is None

    def test_two_tombstones_may_share_a_value(self, stores: Stores) -> None:
        gone = [rewritten(item, M, deleted=True) for item in two_items("soup")]
        answers = put(stores.menu_items, *gone)
        assert [(a.taken, a.displaced) for a in answers] == [(Taken.STORED, None)] * 2
        new = stores.menu_items.save(menu_item(slug="soup"))
        assert stores.menu_items.get(new.id) == new

    def test_displaced_records_have_the_fingerprints_of_their_states(self, stores: Stores) -> None:
        low, high = two_items("soup")
        put(stores.menu_items, high, low)
        assert stores.menu_items.fingerprints() == fingerprints_of([low, high])


class SharedReplicaContract:
    """What holds when many relays and writers are at work at once."""

    def test_no_two_relays_are_given_the_same_debt(self, store: Any, sample: Sample) -> None:
        to = elsewhere(store.place)
        accepted = [store.accept(sample.make(), owing(to)) for _ in range(40)]
        relay = partial(drain, store, to)
        claimed = [record for some in at_once([relay] * 6) for record in some]
        claimed += relay()
        assert sorted(ids(claimed)) == sorted(ids(accepted))

    def test_of_many_deliveries_of_one_state_one_is_stored(
        self, store: Any, sample: Sample
    ) -> None:
        state = written(sample.make(), P)
        answers = at_once([partial(store.deliver, [state])] * 8)
        taken = Counter(answer.taken for [answer] in answers)
        assert taken == {Taken.STORED: 1, Taken.HAD_IT: 7}
        assert stored(store, state) == state

    def test_a_delivery_and_a_write_at_once_leave_a_state_of_one_of_them(
        self, store: Any, sample: Sample
    ) -> None:
        for _ in range(10):
            base = store.accept(sample.make())
            foreign = rewritten(base, elsewhere(store.place))
            local = sample.edited(base)
            [answer], result = at_once(
                [partial(store.deliver, [foreign]), partial(store.accept, local)]
            )
            if isinstance(result, Exception):
                assert isinstance(result, StaleVersion)
                assert answer.taken is Taken.STORED
                assert stored(store, base) == foreign
            else:
                assert answer.taken is Taken.CONCURRENT
                assert stored(store, base) == answer.stored == result

    def test_of_two_merges_of_one_state_one_is_put_in_place(
        self, store: Any, sample: Sample
    ) -> None:
        for _ in range(5):
            base = store.accept(sample.make())
            merges = [rewritten(base, M, **{sample.text: str(n)}) for n in range(6)]
            results = at_once([partial(store.replace, base, merged) for merged in merges])
            assert results.count(True) == 1
            assert results.count(False) == 5
            assert stored(store, base) == merges[results.index(True)]


class SharedStockDeliveryContract:
    """Counted things delivered by many relays at once."""

    def test_deliveries_of_the_same_states_in_other_orders_do_not_block_each_other(
        self, stores: Stores
    ) -> None:
        items = [new_id() for _ in range(5)]
        states = [written(counted_order(items[n % 5]), P) for n in range(50)]
        turns = [states[n * 7 :] + states[: n * 7] for n in range(6)]
        answers = at_once([partial(stores.orders.deliver, turn) for turn in turns])
        taken = Counter(answer.taken for some in answers for answer in some)
        assert taken == {Taken.STORED: 50, Taken.HAD_IT: 250}
        assert [held(stores, item_id) for item_id in items] == [10] * 5


def owing(to: Place, *, due: datetime = DUE, missed: bool = False) -> list[Owing]:
    """One debt."""
    return [Owing(to, due, missed)]


def claim(
    store: Any,
    to: Place,
    *,
    limit: int = 100,
    now: datetime = NOW,
    until: datetime = LEASE,
) -> list[Any]:
    """What a relay is given."""
    return list(store.claim(to, limit, now, until))


def drain(store: Any, to: Place) -> list[Any]:
    """Everything a relay is given until there is no more."""
    found: list[Any] = []
    while claimed := claim(store, to, limit=7):
        found.extend(owed.record for owed in claimed)
    return found


def edited_at(sample: Sample, record: Any, place: Place, text: str, seconds: int) -> Any:
    """One more write, accepted by the place at a time."""
    return sample.edited(record, text, now=at(seconds)).stamped(place)


def settle_in(store: Any, states: Sequence[Any]) -> None:
    """Delivers states of as many records, and merges those that must be."""
    for state, answer in zip(states, store.deliver(states), strict=True):
        if answer.taken is Taken.CONCURRENT:
            merged = reconciled(store.kind, answer.stored, state, Policy()).record
            assert store.replace(answer.stored, merged)


def fingerprints_of(states: Sequence[Any]) -> dict[int, Fingerprint]:
    """What every store should compute."""
    counts: Counter[int] = Counter()
    sums: Counter[int] = Counter()
    for state in states:
        counts[codec.bucket(state.id)] += 1
        sums[codec.bucket(state.id)] += codec.digest(state)
    return {number: Fingerprint(counts[number], sums[number]) for number in counts}


def held(stores: Stores, item_id: str) -> int:
    """How much orders hold of an item's stock."""
    key = f"stock:{item_id}"
    count: int = stores.orders.counts([key])[key].held
    return count


def two_items(slug: str) -> tuple[Any, Any]:
    """Two items with one slug, made in two places; the lower id first."""
    low, high = sorted(new_id() for _ in range(2))
    return (
        written(menu_item(id=low, slug=slug), P),
        written(menu_item(id=high, slug=slug), M),
    )
