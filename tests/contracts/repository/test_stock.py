"""The contract of `Repository`: counted things."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dinerapp.ordering.domain.orders import Status
from dinerapp.replication.errors import Exhausted, Replayed, StaleVersion
from dinerapp.replication.identity import new_op_id
from tests.contracts.over import over_everything
from tests.contracts.samples import Repositories, held
from tests.factories import at, line, menu_item, order, stocked_order


@over_everything
class TestStock:
    """Counted things: never more taken than there is."""

    def test_the_last_pieces_are_sold_and_no_more(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        repositories.orders.save(stocked_order(item.id, 3))
        too_many = stocked_order(item.id, 3)
        with pytest.raises(Exhausted) as refused:
            repositories.orders.save(too_many)
        assert refused.value.key == f"stock:{item.id}"
        assert repositories.orders.get_many([too_many.id]) == {}
        assert held(repositories, item.id) == 3
        repositories.orders.save(stocked_order(item.id, 2))
        assert held(repositories, item.id) == 5

    def test_lines_of_one_item_are_counted_together(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=3))
        pair = stocked_order(item.id, 2).lines + stocked_order(item.id, 2).lines
        with pytest.raises(Exhausted):
            repositories.orders.save(order(order_lines=pair))
        assert held(repositories, item.id) == 0

    def test_one_exhausted_thing_leaves_the_others_untouched(
        self, repositories: Repositories
    ) -> None:
        plenty = repositories.menu_items.save(menu_item(stock_limit=100))
        scarce = repositories.menu_items.save(menu_item(stock_limit=0))
        both = stocked_order(plenty.id).lines + stocked_order(scarce.id).lines
        for lines in (both, both[::-1]):
            with pytest.raises(Exhausted) as refused:
                repositories.orders.save(order(order_lines=lines))
            assert refused.value.key == f"stock:{scarce.id}"
        assert held(repositories, plenty.id) == held(repositories, scarce.id) == 0

    def test_lines_nobody_counts_take_nothing(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        saved = repositories.orders.save(order(order_lines=(line(item_id=item.id),)))
        assert repositories.orders.get(saved.id) == saved
        assert held(repositories, item.id) == 0

    @pytest.mark.parametrize("limit", [None, 10**12])
    def test_what_has_no_limit_is_never_exhausted(
        self, repositories: Repositories, limit: int | None
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=limit))
        repositories.orders.save(stocked_order(item.id, 10**9))
        assert held(repositories, item.id) == 10**9

    def test_a_changed_order_takes_only_the_difference(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        first = repositories.orders.save(stocked_order(item.id, 3))
        grown = repositories.orders.save(with_quantity(first, 5))
        assert held(repositories, item.id) == 5
        with pytest.raises(Exhausted):
            repositories.orders.save(with_quantity(grown, 6))
        assert repositories.orders.get(first.id) == grown
        repositories.orders.save(with_quantity(grown, 1))
        assert held(repositories, item.id) == 1

    def test_a_cancelled_order_gives_back(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=2))
        saved = repositories.orders.save(stocked_order(item.id, 2))
        repositories.orders.save(
            saved.with_status(
                Status.CANCELLED, actor="guest", reason=None, op_id=new_op_id(), now=at(1)
            )
        )
        assert held(repositories, item.id) == 0
        repositories.orders.save(stocked_order(item.id, 2))
        assert held(repositories, item.id) == 2

    def test_a_deleted_order_gives_back_once(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=2))
        saved = repositories.orders.save(stocked_order(item.id, 2))
        deletion = saved.with_changes(op_id=new_op_id(), now=at(1))
        repositories.orders.delete(deletion)
        with pytest.raises(Replayed):
            repositories.orders.delete(deletion)
        assert held(repositories, item.id) == 0

    def test_a_limit_below_what_is_held_stops_only_further_sales(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=5))
        saved = repositories.orders.save(stocked_order(item.id, 4))
        repositories.menu_items.save(item.with_changes(op_id=new_op_id(), now=at(1), stock_limit=2))
        with pytest.raises(Exhausted):
            repositories.orders.save(stocked_order(item.id, 1))
        less = repositories.orders.save(with_quantity(saved, 3))
        assert repositories.orders.get(saved.id) == less
        assert held(repositories, item.id) == 3

    def test_a_raised_limit_lets_sales_go_on(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        repositories.menu_items.save(item.with_changes(op_id=new_op_id(), now=at(1), stock_limit=1))
        repositories.orders.save(stocked_order(item.id, 1))
        assert held(repositories, item.id) == 1

    def test_a_deleted_item_has_no_limit_any_more(self, repositories: Repositories) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=0))
        repositories.menu_items.delete(item.with_changes(op_id=new_op_id(), now=at(1)))
        repositories.orders.save(stocked_order(item.id, 1))
        assert held(repositories, item.id) == 1

    def test_an_order_tried_again_is_a_replay_even_if_nothing_is_left(
        self, repositories: Repositories
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=3))
        order_of_all = stocked_order(item.id, 3)
        saved = repositories.orders.save(order_of_all)
        with pytest.raises(Replayed) as again:
            repositories.orders.save(order_of_all)
        assert again.value.stored == saved
        assert held(repositories, item.id) == 3

    @pytest.mark.parametrize("wanted", [5, 100])
    def test_a_stale_change_takes_nothing_and_is_stale_whatever_is_left(
        self, repositories: Repositories, wanted: int
    ) -> None:
        item = repositories.menu_items.save(menu_item(stock_limit=9))
        first = repositories.orders.save(stocked_order(item.id, 3))
        repositories.orders.save(with_quantity(first, 4))
        with pytest.raises(StaleVersion):
            repositories.orders.save(with_quantity(first, wanted))
        assert held(repositories, item.id) == 4


def with_quantity(record: Any, quantity: int) -> Any:
    """The order with so many of its only line."""
    lines = (replace(record.lines[0], quantity=quantity),)
    return record.with_changes(op_id=new_op_id(), now=at(1), lines=lines)
