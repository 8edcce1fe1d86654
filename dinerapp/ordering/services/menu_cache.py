"""The menu as guests see it, cached until something of it changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from dinerapp.live.signals import bus_gap, remote_change
from dinerapp.ordering.domain.hours import Calendar
from dinerapp.ordering.domain.menu import (
    CATEGORIES,
    MENU_ITEMS,
    Category,
    MenuItem,
    Serving,
    stock_key,
)
from dinerapp.ordering.domain.orders import Order, Status
from dinerapp.ordering.ports.menu import Categories, MenuItems
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.services.single_flight import CachedValue, SingleFlightCache
from dinerapp.ordering.signals import (
    category_changed,
    menu_changed,
    order_placed,
    order_revised,
    order_status_changed,
)
from dinerapp.replication import served_by
from dinerapp.replication.record import Record, utc_now
from dinerapp.replication.served_by import ServedBy
from dinerapp.replication.signals import (
    conflict_resolved,
    connection_behind,
    connection_lost,
    connection_restored,
)

T = TypeVar("T")

MAX_AGE = timedelta(minutes=5)
MAX_AGE_UNINFORMED = timedelta(seconds=1)
"""The maximum age of cached values while other processes cannot report changes."""
NO_CATEGORY = "Other"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An item with the stock left, None if it is not counted, and whether it is served now."""

    item: MenuItem
    stock: int | None
    is_served: bool = True

    @property
    def available(self) -> bool:
        """Whether a guest can order it now."""
        return self.item.available and self.stock != 0 and self.is_served


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """A category with its items."""

    category: Category
    items: tuple[MenuEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuFilter:
    """A filter of the menu; None and an empty set match everything. All dietary labels must
    match."""

    category: str | None = None
    dietary: frozenset[str] = frozenset()
    available: bool | None = None

    def matches_group(self, category: Category) -> bool:
        """Whether the category matches, by id or slug."""
        return self.category is None or self.category in (category.id, category.slug)

    def matches(self, entry: MenuEntry) -> bool:
        """Whether the item matches."""
        fits = self.available is None or self.available == entry.available
        return fits and self.dietary <= {label.casefold() for label in entry.item.dietary}


@dataclass(frozen=True, slots=True)
class _Menu:
    """The whole menu as it was read, the store that served it, and when it expires."""

    items: Mapping[str, MenuItem]
    categories: Mapping[str, Category]
    expires_at: datetime
    served: ServedBy | None


@dataclass(frozen=True, slots=True)
class _Stock:
    """The usage of counted things, and when it expires."""

    reserved: Mapping[str, int]
    expires_at: datetime


class MenuCache:
    """Reads the menu only if needed. `is_informed` says whether this process receives the changes
    of other processes."""

    def __init__(
        self,
        items: MenuItems,
        categories: Categories,
        orders: Orders,
        calendar: Calendar,
        *,
        is_informed: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._items = items
        self._categories = categories
        self._orders = orders
        self._calendar = calendar
        self._is_informed = is_informed
        self._now = now
        self._menu: SingleFlightCache[_Menu] = SingleFlightCache(now=now)
        self._stock: SingleFlightCache[_Stock] = SingleFlightCache(now=now)
        self._prebuilt_menus: SingleFlightCache[tuple[Any, ServedBy | None]]
        self._prebuilt_menus = SingleFlightCache(now=now)
        self._connect()

    def prebuilt_menu(self, wanted: MenuFilter, encode: Callable[[Sequence[MenuGroup]], T]) -> T:
        """The result of `encode` for the matching groups, cached until something changes.

        `encode` must always be the same function. The response names the store from which the menu
        was read.
        """

        def make() -> CachedValue[tuple[Any, ServedBy | None]]:
            menu, stock, moment = self._read_menu(), self._read_stock(), self._now()
            serving = self._serving(menu.categories, moment)
            change = serving.next_change(menu.items.values())
            encoded = encode(self._groups(menu, stock.reserved, serving, wanted))
            expires_at = min(menu.expires_at, stock.expires_at, change or menu.expires_at)
            return CachedValue((encoded, menu.served), expires_at)

        value: T
        value, served = self._prebuilt_menus.get(wanted, make)
        if served is not None:
            served_by.record(served.store_id, served.role)
        return value

    def cached_items(self, item_ids: Collection[str]) -> Mapping[str, MenuItem]:
        """Those of the items that are on the menu as it was last read."""
        items = self._read_menu().items
        return {key: items[key] for key in item_ids if key in items}

    def entries(self, items: Sequence[MenuItem]) -> Sequence[MenuEntry]:
        """The current items with the stock left of each."""
        serving, reserved = self.serving(self._now()), self._reserved_of(items)
        return [_entry(item, reserved, serving) for item in items]

    def serving(self, moment: datetime) -> Serving:
        """What is served at the moment."""
        return self._serving(self._read_menu().categories, moment)

    def reserved(self, key: str) -> int:
        """How much of a counted thing orders have reserved."""
        return self._orders.usage([key])[key].reserved

    def _reserved_of(self, items: Iterable[MenuItem]) -> Mapping[str, int]:
        keys = [stock_key(item.id) for item in items if item.stock_limit is not None]
        if not keys:
            return {}
        return {key: count.reserved for key, count in self._orders.usage(keys).items()}

    def _serving(self, categories: Mapping[str, Category], moment: datetime) -> Serving:
        return Serving(moment=moment, calendar=self._calendar, categories=categories)

    def _read_menu(self) -> _Menu:
        return self._menu.get(None, lambda: copy_context().run(self._load_menu))

    def _load_menu(self) -> CachedValue[_Menu]:
        served_by.reset()
        expires_at = self._expiry()
        items = {item.id: item for item in self._items.all()}
        categories = {category.id: category for category in self._categories.all()}
        return CachedValue(_Menu(items, categories, expires_at, served_by.current()), expires_at)

    def _read_stock(self) -> _Stock:
        return self._stock.get(None, lambda: copy_context().run(self._load_stock))

    def _load_stock(self) -> CachedValue[_Stock]:
        expires_at = self._expiry()
        return CachedValue(
            _Stock(self._reserved_of(self._read_menu().items.values()), expires_at), expires_at
        )

    def _expiry(self) -> datetime:
        return self._now() + (MAX_AGE if self._is_informed() else MAX_AGE_UNINFORMED)

    def _groups(
        self, menu: _Menu, reserved: Mapping[str, int], serving: Serving, wanted: MenuFilter
    ) -> Sequence[MenuGroup]:
        by_category: dict[str, list[MenuEntry]] = {key: [] for key in menu.categories}
        for item in menu.items.values():
            entry = _entry(item, reserved, serving)
            if wanted.matches(entry):
                by_category.setdefault(item.category_id, []).append(entry)
        categories = (menu.categories.get(key) or _missing_group(key) for key in by_category)
        groups = [MenuGroup(category, tuple(by_category[category.id])) for category in categories]
        return [g for g in groups if wanted.matches_group(g.category) and _is_wanted(g, wanted)]

    def _connect(self) -> None:
        for signal in (
            menu_changed,
            category_changed,
            order_revised,
            conflict_resolved,
            bus_gap,
            connection_lost,
            connection_behind,
            connection_restored,
        ):
            signal.connect(self._on_menu_changed)
        order_placed.connect(self._on_stock_changed)
        order_status_changed.connect(self._on_stock_changed)
        remote_change.connect(self._on_remote_change)

    def _on_menu_changed(self, _sender: object, **_payload: Any) -> None:
        for cache in (self._menu, self._stock, self._prebuilt_menus):
            cache.clear()

    def _on_stock_changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        if takes_stock(order):
            self._clear_stock()

    def _clear_stock(self) -> None:
        self._stock.clear()
        self._prebuilt_menus.clear()

    def _on_remote_change(
        self, sender: object, kind: str, details: Mapping[str, Any], **_: Any
    ) -> None:
        if kind in (MENU_ITEMS.name, CATEGORIES.name):
            self._on_menu_changed(sender)
        elif details.get("takes_stock"):
            self._clear_stock()


def takes_stock(record: Record) -> bool:
    """Whether this step of an order changes the stock left of any item."""
    if not isinstance(record, Order) or record.status not in (Status.PENDING, Status.CANCELLED):
        return False
    return any(line.counted for line in record.lines)


def _entry(item: MenuItem, reserved: Mapping[str, int], serving: Serving) -> MenuEntry:
    left = None
    if item.stock_limit is not None:
        left = max(0, item.stock_limit - reserved.get(stock_key(item.id), 0))
    return MenuEntry(item, left, serving.serves(item))


def _is_wanted(group: MenuGroup, wanted: MenuFilter) -> bool:
    """Whether to show the group: an empty one only if items are not filtered."""
    return bool(group.items) or (not wanted.dietary and wanted.available is None)


def _missing_group(category_id: str) -> Category:
    """Stands in for a category that was deleted while an item was added to it."""
    now = utc_now()
    return Category(
        id=category_id, slug="", name=NO_CATEGORY, op_id="", created_at=now, updated_at=now
    )
