"""The contract of `Replica`: many records, and many kinds."""

from __future__ import annotations

from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import ApplyOutcome, Backlog
from tests.contracts.over import over_stores
from tests.contracts.replica.shorthand import P, claim, fingerprints_of, outbox_entries
from tests.contracts.samples import Stores, accepted_by, held, scan_all
from tests.factories import at, menu_item, other_store, stocked_order


@over_stores
class TestWholeStore:
    """Many records, and several kinds of them, in one store."""

    def test_each_kind_has_outbox_entries_of_its_own(self, stores: Stores) -> None:
        to = other_store(stores.database.store_id)
        item = stores.menu_items.accept(menu_item(), outbox_entries(to, undelivered=True))
        order = stores.orders.accept(stocked_order(item.id), outbox_entries(to))
        assert stores.menu_items.backlog(to) == Backlog(waiting=1, undelivered=1)
        assert stores.orders.backlog(to) == Backlog(waiting=1)
        assert stores.conflicts.backlog(to) == Backlog()
        assert [entry.record for entry in claim(stores.orders, to)] == [order]
        stores.orders.reschedule(to, (order.id, order.version), "no", at(5), give_up=True)
        assert stores.menu_items.retry_dead_letters(to, at(9)) == 0
        assert [entry.record for entry in claim(stores.menu_items, to)] == [item]

    def test_thousands_of_states_are_kept_scanned_and_fingerprinted(self, stores: Stores) -> None:
        store = stores.orders
        item_id = new_id()
        states = [accepted_by(stocked_order(item_id), P) for _ in range(2000)]
        for start in range(0, len(states), 500):
            answers = store.deliver(states[start : start + 500])
            assert {answer.outcome for answer in answers} == {ApplyOutcome.STORED}
        assert [answer.outcome for answer in store.deliver(states[:500])] == [
            ApplyOutcome.ALREADY_APPLIED
        ] * 500
        assert scan_all(store) == sorted(states, key=lambda state: state.id)
        assert store.fingerprints() == fingerprints_of(states)
        assert held(stores, item_id) == 2000
