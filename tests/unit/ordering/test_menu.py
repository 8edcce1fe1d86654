from __future__ import annotations

from dataclasses import replace

from dinerapp.ordering.domain.menu import MENU_ITEMS, stock_key
from tests.factories import menu_item


def test_an_item_limits_its_own_stock_until_it_is_deleted() -> None:
    item = menu_item(stock_limit=5)
    assert MENU_ITEMS.limits(item) == {stock_key(item.id): 5}
    assert MENU_ITEMS.limits(replace(item, stock_limit=None)) == {stock_key(item.id): None}
    assert MENU_ITEMS.limits(replace(item, deleted=True)) == {stock_key(item.id): None}


def test_an_item_itself_takes_nothing() -> None:
    assert MENU_ITEMS.reservations(menu_item(stock_limit=5)) == {}
