"""The contract of `Replica`: what could not be shipped is put off, or parked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import Backlog
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import N, claim, outbox_entries
from tests.contracts.samples import Sample, load_one
from tests.factories import at, other_store


@over_stores
@of_every_kind
class TestDeadLetters:
    """Outbox entries that failed, and those given up until somebody looks."""

    def test_a_parked_outbox_entry_that_was_shipped_after_all_is_struck_off(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to))
        store.reschedule(to, (accepted.id, accepted.version), "no", at(5), give_up=True)
        store.acknowledge(to, [(accepted.id, accepted.version)])
        assert store.backlog(to) == Backlog()
        assert list(store.dead_letters(to, 10)) == []

    def test_a_newer_write_takes_an_outbox_entry_out_of_the_parking(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        first = store.accept(sample.make(), outbox_entries(to))
        store.reschedule(to, (first.id, first.version), "no", at(5), give_up=True)
        second = store.accept(sample.with_text(first), outbox_entries(to))
        assert store.backlog(to) == Backlog(waiting=1)
        [entry] = claim(store, to)
        assert entry.record == second
        assert entry.tries == 0

    def test_a_failed_try_is_counted_and_put_off(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        accepted = store.accept(sample.make(), outbox_entries(to))
        for number in range(3):
            [entry] = claim(store, to, now=at(100 * number), until=at(100 * number + 10))
            assert entry.tries == number
            due = at(100 * (number + 1))
            store.reschedule(
                to, (accepted.id, accepted.version), f"try {number}", due, give_up=False
            )
        assert claim(store, to, now=at(299)) == []
        assert store.backlog(to).waiting == 1

    def test_a_parked_outbox_entry_is_given_to_nobody_and_says_why(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        poisoned, healthy = (store.accept(sample.make(), outbox_entries(to)) for _ in range(2))
        store.reschedule(to, (poisoned.id, poisoned.version), "first", at(1), give_up=False)
        store.reschedule(
            to, (poisoned.id, poisoned.version), "it's \N{SKULL} poisoned", at(2), give_up=True
        )
        assert [entry.record for entry in claim(store, to, now=at(9999))] == [healthy]
        [parked] = store.dead_letters(to, 10)
        assert parked.kind == store.kind.name
        assert parked.record_id == poisoned.id
        assert parked.tries == 2
        assert parked.reason == "it's \N{SKULL} poisoned"
        assert parked.since.utcoffset() == timedelta(0)
        assert store.dead_letters(N, 10) == []

    def test_parked_outbox_entries_are_listed_oldest_first(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        parked = []
        for number in range(4):
            record = sample.make(created_at=at(number), updated_at=at(number))
            parked.append(store.accept(record, outbox_entries(to, due=at(number))))
        for number, each in enumerate(parked):
            store.reschedule(to, (each.id, each.version), "no", at(10 + number), give_up=True)
        ids = [each.id for each in parked]
        assert [each.record_id for each in store.dead_letters(to, 10)] == ids
        assert [each.record_id for each in store.dead_letters(to, 2)] == ids[:2]

    def test_a_newer_state_is_not_held_responsible_for_the_one_that_was_refused(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        refused = store.accept(sample.make(), outbox_entries(to, undelivered=True))
        store.accept(sample.with_text(refused), outbox_entries(to))
        store.reschedule(to, (refused.id, refused.version), "no", at(5), give_up=True)
        assert store.backlog(to) == Backlog(waiting=1, undelivered=1)

    def test_parked_outbox_entries_can_be_tried_again(self, store: Any, sample: Sample) -> None:
        to = other_store(store.store_id)
        first, second, waiting = (store.accept(sample.make(), outbox_entries(to)) for _ in range(3))
        for record in (first, second):
            store.reschedule(to, (record.id, record.version), "no", at(5), give_up=True)
        assert store.backlog(to) == Backlog(waiting=1, dead_letters=2)
        assert store.retry_dead_letters(N, at(100)) == 0
        assert store.retry_dead_letters(to, at(100)) == 2
        assert store.retry_dead_letters(to, at(100)) == 0
        assert store.backlog(to) == Backlog(waiting=3)
        assert list(store.dead_letters(to, 10)) == []
        claimed = claim(store, to, now=at(100))
        assert {entry.record.id for entry in claimed} == {first.id, second.id, waiting.id}

    def test_postponing_what_is_no_longer_owed_changes_nothing(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        accepted = store.save(sample.make())
        for record_id in (accepted.id, new_id()):
            store.reschedule(to, (record_id, accepted.version), "no", at(5), give_up=True)
        assert store.backlog(to) == Backlog()
        assert load_one(store, accepted) == accepted
