"""Use cases for managing the menu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dinerapp.ordering.domain.menu import Category, MenuItem, stock_key
from dinerapp.ordering.ports.menu import Categories, MenuItems
from dinerapp.ordering.services.menu_cache import MenuCache, MenuEntry
from dinerapp.ordering.signals import category_changed, menu_changed
from dinerapp.replication.errors import InvalidRequest, NotFound, RuleViolation
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import utc_now
from dinerapp.replication.saving import (
    WriteResult,
    create_idempotently,
    save_idempotently,
    update_with_retry,
)
from dinerapp.replication.signals import announce


class MenuService:
    """Use cases for menu items."""

    def __init__(self, items: MenuItems, categories: Categories, menu_cache: MenuCache) -> None:
        self._items = items
        self._categories = categories
        self._menu_cache = menu_cache

    def all(self) -> Sequence[MenuItem]:
        """Every item."""
        return self._items.all()

    def get(self, item_id: str) -> MenuEntry:
        """One item."""
        return self.entries([self._items.get(item_id)])[0]

    def add(self, operation: Operation, fields: Mapping[str, Any]) -> WriteResult[MenuItem]:
        """Adds an item."""
        now = utc_now()
        item = MenuItem(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            **fields,
        )

        def create() -> MenuItem:
            self._require_category(item)
            return self._items.save(item)

        return self._announce_change(create_idempotently(self._items, operation, create))

    def change(
        self, item_id: str, operation: Operation, fields: Mapping[str, Any], if_match: str | None
    ) -> WriteResult[MenuItem]:
        """Changes some of an item's fields."""

        def change(item: MenuItem) -> MenuItem:
            wanted = item.with_changes(op_id=operation.op_id, now=utc_now(), **fields)
            if wanted.category_id != item.category_id:
                self._require_category(wanted)
            return wanted

        return self._announce_change(
            update_with_retry(self._items, item_id, operation.op_id, change, if_match)
        )

    def count_stock(
        self, item_id: str, operation: Operation, left: int | None, if_match: str | None
    ) -> WriteResult[MenuItem]:
        """Sets the stock from now on; None stops counting."""
        limit = None if left is None else left + self._menu_cache.reserved(stock_key(item_id))
        return self.change(item_id, operation, {"stock_limit": limit}, if_match)

    def remove(
        self, item_id: str, operation: Operation, if_match: str | None
    ) -> WriteResult[MenuItem]:
        """Takes an item off the menu for good."""

        def change(item: MenuItem) -> MenuItem:
            return item.with_changes(op_id=operation.op_id, now=utc_now())

        result = update_with_retry(
            self._items, item_id, operation.op_id, change, if_match, save=self._items.delete
        )
        return self._announce_change(result)

    def entries(self, items: Sequence[MenuItem]) -> Sequence[MenuEntry]:
        """The items with the stock left of each."""
        return self._menu_cache.entries(items)

    def _require_category(self, item: MenuItem) -> None:
        try:
            self._categories.get(item.category_id)
        except NotFound as exc:
            raise InvalidRequest("there is no such category", field="category_id") from exc

    def _announce_change(self, result: WriteResult[MenuItem]) -> WriteResult[MenuItem]:
        if result.changed:
            announce(menu_changed, self, item=result.record)
        return result


class CategoryService:
    """Use cases for categories."""

    def __init__(self, categories: Categories, items: MenuItems) -> None:
        self._categories = categories
        self._items = items

    def all(self) -> Sequence[Category]:
        """Every category, in the order of the menu."""
        return self._categories.all()

    def get(self, category_id: str) -> Category:
        """One category."""
        return self._categories.get(category_id)

    def add(self, operation: Operation, fields: Mapping[str, Any]) -> WriteResult[Category]:
        """Adds a category."""
        now = utc_now()
        category = Category(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            **fields,
        )
        return self._announce_change(save_idempotently(self._categories.save, category))

    def change(
        self,
        category_id: str,
        operation: Operation,
        fields: Mapping[str, Any],
        if_match: str | None,
    ) -> WriteResult[Category]:
        """Changes some of a category's fields."""

        def change(category: Category) -> Category:
            return category.with_changes(op_id=operation.op_id, now=utc_now(), **fields)

        result = update_with_retry(self._categories, category_id, operation.op_id, change, if_match)
        return self._announce_change(result)

    def remove(
        self, category_id: str, operation: Operation, if_match: str | None
    ) -> WriteResult[Category]:
        """Deletes an empty category. An item that is added at the same time stays on the menu, in a
        group of its own."""

        def change(category: Category) -> Category:
            self._require_empty(category)
            return category.with_changes(op_id=operation.op_id, now=utc_now())

        save = self._categories.delete
        result = update_with_retry(
            self._categories, category_id, operation.op_id, change, if_match, save=save
        )
        return self._announce_change(result)

    def _require_empty(self, category: Category) -> None:
        number = self._items.count_in(category.id)
        if number:
            things = "1 item is" if number == 1 else f"{number} items are"
            raise RuleViolation(f"{things} still in {category.name}; move or remove them first")

    def _announce_change(self, result: WriteResult[Category]) -> WriteResult[Category]:
        if result.changed:
            announce(category_changed, self, category=result.record)
        return result
