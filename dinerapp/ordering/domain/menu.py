"""The menu: categories, items and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dinerapp.ordering.domain.hours import Calendar, Window
from dinerapp.replication.kind import Kind
from dinerapp.replication.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice within a group; `price` is added to the item's, in minor units."""

    id: str
    name: str
    price: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionGroup:
    """Options of which a guest must choose from `min` to `max`."""

    id: str
    name: str
    min: int = 0
    max: int = 1
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Category(Record):
    """A category of the menu. Its items are only served within its `hours`; empty means always."""

    slug: str
    name: str
    position: int = 0
    description: str = ""
    hours: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem(Record):
    """A dish or drink, served within its own `hours` and those of its category; empty means always.

    `station` is the part of the kitchen that makes it. `dietary` and `allergens` are free text.
    `category_id` is empty only in records that are older than categories.

    `stock_limit` is cumulative: the total quantity that orders may ever have reserved, so that the
    stock left is the limit minus the usage. None means that stock is not counted.
    """

    slug: str
    name: str
    description: str = ""
    category_id: str = ""
    position: int = 0
    price: int
    tax_rate: int | None = None
    dietary: tuple[str, ...] = ()
    allergens: tuple[str, ...] = ()
    option_groups: tuple[OptionGroup, ...] = ()
    station: str = "kitchen"
    hours: tuple[Window, ...] = ()
    available: bool = True
    stock_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served at one moment, according to hours."""

    moment: datetime
    calendar: Calendar = field(default_factory=Calendar)
    categories: Mapping[str, Category] = field(default_factory=dict)

    def serves(self, item: MenuItem) -> bool:
        """Whether the moment is within the hours of both the item and its category."""
        return all(self.calendar.is_within(hours, self.moment) for hours in self._hours(item))

    def next_served_at(self, item: MenuItem) -> datetime | None:
        """When an item that is closed now opens next; None if it does not depend on hours."""
        closed = [h for h in self._hours(item) if not self.calendar.is_within(h, self.moment)]
        openings = [self.calendar.next_opening(hours, self.moment) for hours in closed]
        return max((opening for opening in openings if opening is not None), default=None)

    def next_change(self, items: Iterable[MenuItem]) -> datetime | None:
        """The next time at which any of this changes."""
        every = {hours for item in items for hours in self._hours(item) if hours}
        changes = (self.calendar.next_change(hours, self.moment) for hours in every)
        return min((change for change in changes if change is not None), default=None)

    def _hours(self, item: MenuItem) -> tuple[tuple[Window, ...], ...]:
        category = self.categories.get(item.category_id)
        return (item.hours,) if category is None else (item.hours, category.hours)


def stock_key(item_id: str) -> str:
    """The counter of an item's stock."""
    return f"stock:{item_id}"


def _limits(item: MenuItem) -> Mapping[str, int | None]:
    return {stock_key(item.id): None if item.deleted else item.stock_limit}


CATEGORIES = Kind("categories", Category, unique_fields=("slug",))
MENU_ITEMS = Kind("menu_items", MenuItem, unique_fields=("slug",), limits=_limits)
