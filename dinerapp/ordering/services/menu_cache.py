"""The menu as guests see it, kept ready until something of it changes."""

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
"""How long something is kept while other processes cannot tell that it has changed."""
NO_CATEGORY = "Other"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An item with what is left of it, None when nobody counts, and whether it is served now."""

    item: MenuItem
    stock: int | None
    is_served: bool = True

    @property
    def available(self) -> bool:
        """Whether a guest can have it now."""
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
        """Whether the category is wanted, by its id or slug."""
        return self.category is None or self.category in (category.id, category.slug)

    def matches(self, entry: MenuEntry) -> bool:
        """Whether the item is wanted."""
        fits = self.available is None or self.available == entry.available
        return fits and self.dietary <= {label.casefold() for label in entry.item.dietary}


@dataclass(frozen=True, slots=True)
class _Menu:
    """All of the menu as it was read, by whom, and how long that may be used."""

    items: Mapping[str, MenuItem]
    categories: Mapping[str, Category]
    until: datetime
    served: ServedBy | None


@dataclass(frozen=True, slots=True)
class _Stock:
    """How much of what is counted was taken, and how long that may be used."""

    reserved: Mapping[str, int]
    until: datetime


class MenuCache:
    """Reads the menu only when it must. `is_informed` says whether this process receives the
    changes of others."""

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
        self._views: SingleFlightCache[tuple[Any, ServedBy | None]] = SingleFlightCache(now=now)
        self._connect()

    def prebuilt_menu(self, wanted: MenuFilter, encode: Callable[[Sequence[MenuGroup]], T]) -> T:
        """What `encode` makes of the groups wanted; made once, and again after any change.

        `encode` must be the same every time. The answer says who served what it was made of.
        """

        def make() -> CachedValue[tuple[Any, ServedBy | None]]:
            menu, stock, moment = self._read_menu(), self._read_stock(), self._now()
            hours = self._serving(menu.categories, moment)
            change = hours.next_change(menu.items.values())
            made = encode(self._groups(menu, stock.reserved, hours, wanted))
            until = min(menu.until, stock.until, change or menu.until)
            return CachedValue((made, menu.served), until)

        value: T
        value, served = self._views.get(wanted, make)
        if served is not None:
            served_by.record(served.store_id, served.role)
        return value

    def cached_items(self, item_ids: Collection[str]) -> Mapping[str, MenuItem]:
        """Those of the items that are on the menu as it was last read."""
        items = self._read_menu().items
        return {key: items[key] for key in item_ids if key in items}

    def entries(self, items: Sequence[MenuItem]) -> Sequence[MenuEntry]:
        """The items as they are at this moment, with what is left of each."""
        hours, held = self.serving(self._now()), self._reserved_of(items)
        return [_entry(item, held, hours) for item in items]

    def serving(self, moment: datetime) -> Serving:
        """What is served at the moment."""
        return self._serving(self._read_menu().categories, moment)

    def reserved(self, key: str) -> int:
        """How much of a counted thing orders have taken."""
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
        until = self._until()
        items = {item.id: item for item in self._items.all()}
        categories = {category.id: category for category in self._categories.all()}
        return CachedValue(_Menu(items, categories, until, served_by.current()), until)

    def _read_stock(self) -> _Stock:
        return self._stock.get(None, lambda: copy_context().run(self._load_stock))

    def _load_stock(self) -> CachedValue[_Stock]:
        until = self._until()
        return CachedValue(
            _Stock(self._reserved_of(self._read_menu().items.values()), until), until
        )

    def _until(self) -> datetime:
        return self._now() + (MAX_AGE if self._is_informed() else MAX_AGE_UNINFORMED)

    def _groups(
        self, menu: _Menu, reserved: Mapping[str, int], serving: Serving, wanted: MenuFilter
    ) -> Sequence[MenuGroup]:
        by_category: dict[str, list[MenuEntry]] = {key: [] for key in menu.categories}
        for item in menu.items.values():
            shown = _entry(item, reserved, serving)
            if wanted.matches(shown):
                by_category.setdefault(item.category_id, []).append(shown)
        every = (menu.categories.get(key) or _missing_group(key) for key in by_category)
        groups = [MenuGroup(each, tuple(by_category[each.id])) for each in every]
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
        for shelf in (self._menu, self._stock, self._views):
            shelf.clear()

    def _on_stock_changed(self, _sender: object, order: Order, **_payload: Any) -> None:
        if takes_stock(order):
            self._clear_stock()

    def _clear_stock(self) -> None:
        self._stock.clear()
        self._views.clear()

    def _on_remote_change(
        self, sender: object, kind: str, details: Mapping[str, Any], **_: Any
    ) -> None:
        if kind in (MENU_ITEMS.name, CATEGORIES.name):
            self._on_menu_changed(sender)
        elif details.get("takes_stock"):
            self._clear_stock()


def takes_stock(record: Record) -> bool:
    """Whether what is left of some item is another number after a step of this order."""
    if not isinstance(record, Order) or record.status not in (Status.PENDING, Status.CANCELLED):
        return False
    return any(line.counted for line in record.lines)


def _entry(item: MenuItem, reserved: Mapping[str, int], serving: Serving) -> MenuEntry:
    left = None
    if item.stock_limit is not None:
        left = max(0, item.stock_limit - reserved.get(stock_key(item.id), 0))
    return MenuEntry(item, left, serving.serves(item))


def _is_wanted(group: MenuGroup, wanted: MenuFilter) -> bool:
    """A category with nothing in it is shown only to those who ask for no items in particular."""
    return bool(group.items) or (not wanted.dietary and wanted.available is None)


def _missing_group(category_id: str) -> Category:
    """Stands in for one that was deleted while somebody added an item to it."""
    now = utc_now()
    return Category(
        id=category_id, slug="", name=NO_CATEGORY, op_id="", created_at=now, updated_at=now
    )
