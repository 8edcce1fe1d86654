"""What staff do with the menu, and how guests see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dinerapp import signals
from dinerapp.domain.identity import Operation
from dinerapp.domain.menu import MenuItem, stock_key
from dinerapp.domain.record import utc_now
from dinerapp.ports.menu import MenuItems
from dinerapp.ports.orders import Orders
from dinerapp.services.saving import Saved, changed, saved


@dataclass(frozen=True, slots=True)
class Shown:
    """An item with what is left of it, None when nobody counts."""

    item: MenuItem
    stock: int | None


class MenuService:
    """Use cases around menu items."""

    def __init__(self, items: MenuItems, orders: Orders) -> None:
        self._items = items
        self._orders = orders

    def all(self) -> Sequence[Shown]:
        """The whole menu in its order."""
        return self.shown(self._items.all())

    def get(self, item_id: str) -> Shown:
        """One item."""
        return self.shown([self._items.get(item_id)])[0]

    def add(self, operation: Operation, fields: Mapping[str, Any]) -> Saved[MenuItem]:
        """A new item."""
        now = utc_now()
        item = MenuItem(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=now,
            updated_at=now,
            **fields,
        )
        return self._announced(saved(self._items.save, item))

    def change(
        self, item_id: str, operation: Operation, fields: Mapping[str, Any], if_match: str | None
    ) -> Saved[MenuItem]:
        """Changes some of an item's fields."""

        def change(item: MenuItem) -> MenuItem:
            return item.changed(op_id=operation.op_id, now=utc_now(), **fields)

        return self._announced(changed(self._items, item_id, operation.op_id, change, if_match))

    def count_stock(
        self, item_id: str, operation: Operation, left: int | None, if_match: str | None
    ) -> Saved[MenuItem]:
        """Says how many there are from now on; None stops counting."""
        limit = None if left is None else left + self._held([item_id])[stock_key(item_id)]
        return self.change(item_id, operation, {"stock_limit": limit}, if_match)

    def remove(self, item_id: str, operation: Operation, if_match: str | None) -> Saved[MenuItem]:
        """Takes an item off the menu for good."""

        def change(item: MenuItem) -> MenuItem:
            return item.changed(op_id=operation.op_id, now=utc_now())

        done = changed(
            self._items, item_id, operation.op_id, change, if_match, save=self._items.delete
        )
        return self._announced(done)

    def shown(self, items: Sequence[MenuItem]) -> Sequence[Shown]:
        """The items with what is left of each, in one question."""
        held = self._held([item.id for item in items if item.stock_limit is not None])
        return [Shown(item, _left(item, held)) for item in items]

    def _held(self, item_ids: Sequence[str]) -> Mapping[str, int]:
        if not item_ids:
            return {}
        counts = self._orders.counts([stock_key(item_id) for item_id in item_ids])
        return {key: count.held for key, count in counts.items()}

    def _announced(self, done: Saved[MenuItem]) -> Saved[MenuItem]:
        if done.changed:
            signals.announce(signals.menu_changed, self, item=done.record)
        return done


def _left(item: MenuItem, held: Mapping[str, int]) -> int | None:
    if item.stock_limit is None:
        return None
    return max(0, item.stock_limit - held[stock_key(item.id)])
