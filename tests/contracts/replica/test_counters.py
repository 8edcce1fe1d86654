"""The contract of `Replica`: counted things in delivered states."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.errors import Exhausted
from dinerapp.replication.identity import new_id
from dinerapp.replication.ports.replica import Count, Taken
from tests.contracts.over import over_shared_stores, over_stores
from tests.contracts.replica.shorthand import M, P
from tests.contracts.subjects import Stores, at_once, held, put, rewritten, written
from tests.makers import counted_order, menu_item


@over_stores
class TestDeliveredStock:
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


@over_shared_stores
class TestSharedStockDelivery:
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
