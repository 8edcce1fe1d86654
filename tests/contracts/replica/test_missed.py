"""The contract of `Replica`: what a place has missed, and how much is left to do."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import Backlog
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import N, claim, outbox_entries
from tests.contracts.samples import Sample, accepted_again_by, load_one
from tests.factories import at, other_store


@over_stores
@of_every_kind
class TestUndeliveredEntries:
    """Which outbox entries keep a store from being caught up."""

    def test_the_backlog_tells_missed_outbox_entries_from_those_under_way(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        assert store.backlog(to) == Backlog()
        missed = [
            store.accept(sample.make(), outbox_entries(to, undelivered=True)) for _ in range(3)
        ]
        under_way = store.accept(sample.make(), outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=4, undelivered=3)
        claim(store, to, limit=1)
        assert store.backlog(to) == Backlog(waiting=4, undelivered=3)
        store.reschedule(to, (missed[0].id, missed[0].version), "no", at(5), give_up=True)
        assert store.backlog(to) == Backlog(waiting=3, undelivered=2, dead_letters=1)
        store.acknowledge(
            to, [(missed[1].id, missed[1].version), (under_way.id, under_way.version)]
        )
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1, dead_letters=1)
        assert store.backlog(N) == Backlog()

    def test_an_outbox_entry_that_failed_once_keeps_its_store_from_nothing(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        store.reschedule(to, (accepted.id, accepted.version), "later", at(5), give_up=False)
        assert store.backlog(to) == Backlog(waiting=1, undelivered=0)

    def test_a_delivery_that_did_not_get_through_is_missed_and_due_at_once(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        entries = [*outbox_entries(to, due=at(500)), *outbox_entries(N, due=at(500))]
        lost, under_way = (store.accept(sample.make(), entries) for _ in range(2))
        store.mark_undelivered(to, [lost.id], at(20))
        assert store.backlog(to) == Backlog(waiting=2, undelivered=1)
        assert store.backlog(N) == Backlog(waiting=2)
        assert claim(store, to, now=at(19)) == []
        assert [o.record for o in claim(store, to, now=at(20), until=at(300))] == [lost]
        store.mark_undelivered(to, [lost.id, under_way.id], at(30))
        assert store.backlog(to) == Backlog(waiting=2, undelivered=2)
        assert len(claim(store, to, now=at(30), until=at(300))) == 2
        assert claim(store, N, now=at(30)) == []

    def test_a_parked_outbox_entry_keeps_its_store_from_nothing_even_if_it_is_missed(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to))
        store.reschedule(to, (accepted.id, accepted.version), "no", at(5), give_up=True)
        store.mark_undelivered(to, [accepted.id], at(20))
        assert store.backlog(to) == Backlog(dead_letters=1)
        assert claim(store, to, now=at(30)) == []

    def test_what_is_not_owed_cannot_be_missed(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(N))
        store.mark_undelivered(to, [accepted.id, new_id()], at(20))
        store.mark_undelivered(to, [], at(20))
        assert store.backlog(to) == Backlog()
        assert claim(store, to, now=at(30)) == []
        assert load_one(store, accepted) == accepted

    def test_who_missed_a_state_has_missed_it_until_a_later_one_has_arrived(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        second = store.accept(sample.with_text(first), outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        third = accepted_again_by(second, N)
        store.deliver([third], outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        merged = accepted_again_by(third, N)
        assert store.replace(third, merged, outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)
        store.acknowledge(to, [(merged.id, merged.version)])
        store.accept(sample.with_text(merged), outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=1, undelivered=0)
