"""The contract of `Replica`: what it owes the followers of a kind."""

from __future__ import annotations

from typing import Any

from dinerapp.replication.ports.replica import Backlog, OutboxEntry
from tests.contracts.kinds import of_every_kind
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import DUE, F, claim, outbox_entries
from tests.contracts.samples import Sample, accepted_again_by, deliver_each
from tests.factories import at, other_store


@over_stores
@of_every_kind
class TestOutboxOfFollowers:
    """What followers are owed, beside what places are."""

    def test_what_followers_are_owed_is_no_backlog_of_a_place(
        self, store: Any, sample: Sample
    ) -> None:
        to = other_store(store.store_id)
        entries = [OutboxEntry(F, DUE, undelivered=True), *outbox_entries(to)]
        accepted = store.accept(sample.make(), entries)
        assert store.backlog(to) == Backlog(waiting=1)
        assert store.backlog(F) == Backlog(waiting=1, undelivered=1)
        store.acknowledge(to, [(accepted.id, accepted.version)])
        assert [entry.record for entry in claim(store, F)] == [accepted]
        store.reschedule(F, (accepted.id, accepted.version), "no", at(5), give_up=True)
        assert [parked.reason for parked in store.dead_letters(F, 10)] == ["no"]
        assert store.retry_dead_letters(F, at(20)) == 1
        assert [entry.record for entry in claim(store, F, now=at(20))] == [accepted]
        store.acknowledge(F, [(accepted.id, accepted.version)])
        assert store.backlog(F) == Backlog()

    def test_a_newer_state_of_another_maker_is_for_that_one_to_show_to_followers(
        self, store: Any, sample: Sample
    ) -> None:
        first = store.accept(sample.make(), [OutboxEntry(F, DUE, undelivered=True)])
        deliver_each(store, accepted_again_by(first, other_store(store.store_id)))
        assert store.backlog(F) == Backlog()
