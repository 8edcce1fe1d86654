"""The contract of `Replica`: counted things in delivered states."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import ApplyOutcome
from dinerapp.replication.ports.repository import Usage
from tests.contracts.over import over_shared_stores, over_stores
from tests.contracts.replica.shorthand import M, P
from tests.contracts.samples import (
    Stores,
    accepted_again_by,
    accepted_by,
    deliver_each,
    held,
    run_concurrently,
)
from tests.factories import menu_item, stocked_order


@over_stores
class TestDeliveredStock:
    """Counted things in states that another store accepted."""

    def test_what_another_store_sold_is_counted_without_a_limit(self, stores: Stores) -> None:
        item = stores.menu_items.save(menu_item(stock_limit=2))
        [answer] = deliver_each(stores.orders, accepted_by(stocked_order(item.id, 3), P))
        assert answer.outcome is ApplyOutcome.STORED
        key = f"stock:{item.id}"
        assert stores.orders.usage([key]) == {key: Usage(reserved=3, limit=2)}
        with pytest.raises(Exhausted):
            stores.orders.save(stocked_order(item.id, 1))

    def test_a_repeated_delivery_is_counted_once(self, stores: Stores) -> None:
        item_id = new_id()
        state = accepted_by(stocked_order(item_id, 3), P)
        deliver_each(stores.orders, state, state)
        stores.orders.deliver([state])
        assert held(stores, item_id) == 3

    def test_states_out_of_order_are_counted_as_the_newest_one(self, stores: Stores) -> None:
        item_id = new_id()
        first = accepted_by(stocked_order(item_id, 3), P)
        second = accepted_again_by(first, P, lines=(replace(first.lines[0], quantity=5),))
        third = accepted_again_by(second, M, status=Status.CANCELLED)
        deliver_each(stores.orders, second)
        assert held(stores, item_id) == 5
        deliver_each(stores.orders, first, third, second, first)
        assert held(stores, item_id) == 0

    def test_a_concurrent_state_is_counted_only_once_it_is_merged(self, stores: Stores) -> None:
        item_id = new_id()
        base = accepted_by(stocked_order(item_id, 3), P)
        grown = accepted_again_by(base, M, lines=(replace(base.lines[0], quantity=7),))
        ours = accepted_again_by(base, P)
        deliver_each(stores.orders, ours, grown)
        assert held(stores, item_id) == 3
        assert stores.orders.replace(ours, grown.with_history_of(ours))
        assert held(stores, item_id) == 7

    def test_a_batch_counts_all_of_its_states(self, stores: Stores) -> None:
        one, other = new_id(), new_id()
        batch = [accepted_by(stocked_order(item_id, 2), P) for item_id in (one, other) * 10]
        stores.orders.deliver(batch)
        assert held(stores, one) == held(stores, other) == 20

    def test_a_delivered_deletion_gives_back(self, stores: Stores) -> None:
        item_id = new_id()
        state = accepted_by(stocked_order(item_id, 3), P)
        deliver_each(stores.orders, state, accepted_again_by(state, M, deleted=True), state)
        assert held(stores, item_id) == 0

    def test_a_delivered_limit_holds_from_then_on(self, stores: Stores) -> None:
        first = accepted_by(menu_item(stock_limit=5), P)
        second = accepted_again_by(first, P, stock_limit=1)
        deliver_each(stores.menu_items, second, first)
        stores.orders.save(stocked_order(first.id, 1))
        with pytest.raises(Exhausted):
            stores.orders.save(stocked_order(first.id, 1))

    def test_a_limit_can_come_after_what_it_limits(self, stores: Stores) -> None:
        item = accepted_by(menu_item(stock_limit=3), P)
        deliver_each(stores.orders, accepted_by(stocked_order(item.id, 2), P))
        deliver_each(stores.menu_items, item)
        key = f"stock:{item.id}"
        assert stores.orders.usage([key]) == {key: Usage(reserved=2, limit=3)}
        with pytest.raises(Exhausted):
            stores.orders.save(stocked_order(item.id, 2))

    def test_counts_are_known_to_every_kind_and_zero_for_what_nobody_holds(
        self, stores: Stores
    ) -> None:
        item = stores.menu_items.save(menu_item(stock_limit=3))
        stores.orders.save(stocked_order(item.id, 2))
        key, unknown = f"stock:{item.id}", "stock:unknown"
        for store in (stores.orders, stores.menu_items, stores.conflicts):
            assert store.usage([key, unknown]) == {key: Usage(2, 3), unknown: Usage(0, None)}
            assert store.usage([]) == {}


@over_shared_stores
class TestSharedStockDelivery:
    """Counted things delivered by many relays at once."""

    def test_deliveries_of_the_same_states_in_other_orders_do_not_block_each_other(
        self, stores: Stores
    ) -> None:
        items = [new_id() for _ in range(5)]
        states = [accepted_by(stocked_order(items[n % 5]), P) for n in range(50)]
        turns = [states[n * 7 :] + states[: n * 7] for n in range(6)]
        answers = run_concurrently([partial(stores.orders.deliver, turn) for turn in turns])
        taken = Counter(answer.outcome for some in answers for answer in some)
        assert taken == {ApplyOutcome.STORED: 50, ApplyOutcome.ALREADY_APPLIED: 250}
        assert [held(stores, item_id) for item_id in items] == [10] * 5
