"""The contract of `Replica`: how relays share what is owed, and strike it off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import Backlog
from tests.contracts.kinds import EVERY_SAMPLE, of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import N, claim, outbox_entries
from tests.contracts.samples import Sample, ids
from tests.factories import at, other_store


@over_stores
@of_every_kind
class TestOutboxClaims:
    """What relays are given, and what they have shipped."""

    def test_outbox_entries_are_claimed_oldest_first_and_no_more_than_asked_for(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        for number in (3, 1, 4, 0, 2):
            record = sample.make(created_at=at(number), updated_at=at(number))
            store.accept(
                replace(record, **{sample.text: str(number)}), outbox_entries(to, due=at(number))
            )
        claimed = [claim(store, to, limit=2, now=at(10), until=at(99)) for _ in range(4)]
        texts = [[getattr(entry.record, sample.text) for entry in some] for some in claimed]
        assert texts == [["0", "1"], ["2", "3"], ["4"], []]

    def test_an_outbox_entry_that_is_not_due_yet_is_not_given_out(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to, due=at(10)))
        assert claim(store, to, now=at(9.999)) == []
        assert ids(entry.record for entry in claim(store, to, now=at(10))) == [accepted.id]

    def test_kinds_of_which_something_is_due_or_missed_are_found_in_one_question(
        self, stores: Any, store: Any, sample: Sample
    ) -> None:
        to, kinds = other_store(store.store_id), [one.name for one in EVERY_SAMPLE]
        assert not store.kinds_due(to, kinds, at(10))
        assert not store.kinds_undelivered(to, kinds)
        own = store.accept(sample.make(), outbox_entries(to, due=at(10)))
        beside = next(one for one in EVERY_SAMPLE if one is not sample)
        other = beside.name
        others = getattr(stores, other).accept(
            beside.make(), outbox_entries(to, due=at(20), undelivered=True)
        )
        for asked in (store, getattr(stores, other)):
            assert set(asked.kinds_due(to, kinds, at(9.999))) == set()
            assert set(asked.kinds_due(to, kinds, at(10))) == {sample.name}
            assert set(asked.kinds_due(to, kinds, at(20))) == {sample.name, other}
            assert set(asked.kinds_due(to, [other], at(20))) == {other}
            assert set(asked.kinds_due(N, kinds, at(20))) == set()
            assert set(asked.kinds_undelivered(to, kinds)) == {other}
        for settled, state in ((store, own), (getattr(stores, other), others)):
            settled.acknowledge(to, [(state.id, state.version)])
        assert not store.kinds_due(to, kinds, at(20))
        assert not store.kinds_undelivered(to, kinds)

    def test_a_leased_outbox_entry_is_given_to_nobody_else_until_the_lease_ends(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to, due=at(0)))
        assert len(claim(store, to, now=at(1), until=at(60))) == 1
        assert claim(store, to, now=at(2), until=at(62)) == []
        assert claim(store, to, now=at(59.999), until=at(120)) == []
        again = claim(store, to, now=at(60), until=at(120))
        assert [entry.record for entry in again] == [accepted]
        assert store.backlog(to).waiting == 1

    def test_a_shipped_outbox_entry_is_struck_off(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first, second = (store.accept(sample.make(), outbox_entries(to)) for _ in range(2))
        claim(store, to)
        store.acknowledge(to, [(first.id, first.version)])
        assert store.backlog(to) == Backlog(waiting=1)
        assert [o.record for o in claim(store, to, now=at(9999))] == [second]
        store.acknowledge(to, [(first.id, first.version), (second.id, second.version)])
        store.acknowledge(to, [])
        assert store.backlog(to) == Backlog()

    def test_an_outbox_entry_nobody_claimed_can_be_struck_off_too(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        store.acknowledge(to, [(accepted.id, accepted.version), (new_id(), accepted.version)])
        assert store.backlog(to) == Backlog()

    def test_a_newer_write_is_not_struck_off_with_the_older_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to))
        claim(store, to)
        second = store.accept(sample.with_text(first), outbox_entries(to))
        store.acknowledge(to, [(first.id, first.version)])
        assert store.backlog(to).waiting == 1
        assert [entry.record for entry in claim(store, to)] == [second]

    def test_a_newer_write_makes_a_leased_outbox_entry_due_again(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to, due=at(0)))
        claim(store, to, now=at(1), until=at(600))
        second = store.accept(sample.with_text(first), outbox_entries(to, due=at(2)))
        assert [entry.record for entry in claim(store, to, now=at(2))] == [second]
        assert store.backlog(to).waiting == 1

    def test_outbox_entries_to_two_places_are_settled_one_by_one(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        entries = [*outbox_entries(to), *outbox_entries(N, undelivered=True)]
        accepted = store.accept(sample.make(), entries)
        assert [entry.record for entry in claim(store, to)] == [accepted]
        store.acknowledge(to, [(accepted.id, accepted.version)])
        assert store.backlog(to) == Backlog()
        assert store.backlog(N) == Backlog(waiting=1, undelivered=1)
        assert [entry.record for entry in claim(store, N)] == [accepted]
