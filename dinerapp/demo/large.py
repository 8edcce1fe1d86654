"""A large menu and a year of orders, for load tests.

Ids are derived from the numbers of records, so that an interrupted run can be resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from dinerapp.demo import people
from dinerapp.demo.arrivals import Arrivals
from dinerapp.demo.dishes import Choice
from dinerapp.demo.menu import option_group
from dinerapp.demo.order_generator import NEWEST_NUMBER, OrderGenerator, operation_of
from dinerapp.demo.progress import ProgressCallback
from dinerapp.demo.restaurant import Restaurant
from dinerapp.ordering.domain.hours import Calendar
from dinerapp.ordering.domain.menu import Category, MenuItem
from dinerapp.ordering.domain.orders import Order
from dinerapp.ordering.domain.pricing import Rates
from dinerapp.ordering.signals import menu_changed
from dinerapp.replication.bulk_loader import BulkLoader
from dinerapp.replication.identity import Operation
from dinerapp.replication.record import Record
from dinerapp.replication.signals import announce

R = TypeVar("R", bound=Record)

ITEM_COUNT, ORDER_COUNT = 1_000, 100_000
SCOPE = "large order"
STOCK = 1_000_000
FOOD_TAX, DRINKS_TAX = 700, 1900
_CATEGORY_COUNT, _DAY_COUNT = 20, 365
_STOCKED_INTERVAL = 10
_STATIONS = ("kitchen", "grill", "cold kitchen", "pastry", "bar")
_PREPARATIONS = ("Grilled", "Smoked", "Braised", "Roast", "Pickled", "Baked", "Marinated", "Crisp")
_INGREDIENTS = (
    "aubergine",
    "beetroot",
    "cauliflower",
    "duck",
    "halloumi",
    "lamb",
    "octopus",
    "pumpkin",
    "salmon",
    "tofu",
    "trout",
)
_ACCOMPANIMENTS = (
    "with herbs",
    "with lentils",
    "with rice",
    "with potatoes",
    "on sourdough",
    "in broth",
)
_SIZE = Choice("Size", 1, 1, {"Small": 0, "Large": 250})
_EXTRAS = Choice("Extras", 0, 3, {"Cheese": 120, "Avocado": 150, "Nuts": 80, "Egg": 100})


class LargeMenu:
    """A menu that is generated from numbers."""

    def __init__(self, items: int, now: datetime) -> None:
        self._now = now
        self.categories = [self._category(number) for number in range(_CATEGORY_COUNT)]
        self.items = [self._item(number) for number in range(items)]

    def restaurant(self, calendar: Calendar, rates: Rates, currency: str) -> Restaurant:
        """The restaurant that serves this menu. Some items are much more popular than others."""
        return Restaurant(
            menu={item.id: item for item in self.items},
            categories={},
            calendar=calendar,
            rates=rates,
            currency=currency,
            popularity={item.id: 1 / (20 + index) for index, item in enumerate(self.items)},
        )

    def _category(self, number: int) -> Category:
        operation = Operation.from_key("large category", str(number), b"")
        return Category(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=self._now,
            updated_at=self._now,
            slug=f"large-{number + 1:02}",
            name=f"Large menu, part {number + 1}",
            position=1000 + number,
        )

    def _item(self, number: int) -> MenuItem:
        operation = Operation.from_key("large item", str(number), b"")
        preparation = _PREPARATIONS[number % len(_PREPARATIONS)]
        ingredient = _INGREDIENTS[number % len(_INGREDIENTS)]
        choices = (_SIZE, _EXTRAS)[: number % 3]
        return MenuItem(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=self._now,
            updated_at=self._now,
            slug=f"large-{number + 1:05}",
            name=f"{preparation} {ingredient}, number {number + 1}",
            description=f"{preparation} {ingredient} "
            f"{_ACCOMPANIMENTS[number % len(_ACCOMPANIMENTS)]}",
            category_id=self.categories[number % _CATEGORY_COUNT].id,
            position=number,
            price=350 + 45 * (number % 53),
            tax_rate=DRINKS_TAX if _STATIONS[number % len(_STATIONS)] == "bar" else FOOD_TAX,
            option_groups=tuple(option_group(operation, choice) for choice in choices),
            station=_STATIONS[number % len(_STATIONS)],
            stock_limit=STOCK if number % _STOCKED_INTERVAL == 0 else None,
        )


def seed_menu(
    menu: LargeMenu, categories: BulkLoader[Category], items: BulkLoader[MenuItem]
) -> int:
    """Adds missing categories and items, and returns how many items it added."""
    _load_missing(categories, menu.categories)
    return _load_missing(items, menu.items)


def seed_orders(
    restaurant: Restaurant,
    orders: BulkLoader[Order],
    now: datetime,
    progress: ProgressCallback,
    count: int = ORDER_COUNT,
) -> int:
    """Adds the missing ones of `count` orders, and returns how many it added."""
    newest = orders.find(_order_id(NEWEST_NUMBER))
    arrivals = Arrivals(restaurant.calendar, newest.created_at if newest else now, _DAY_COUNT)
    generator = OrderGenerator(SCOPE, restaurant, arrivals, people.MAX_GUESTS)
    return orders.load_missing(
        count, _order_id, generator.order, lambda loaded: progress(loaded, count)
    )


def announce_menu_changed(menu: LargeMenu) -> None:
    """Makes caches of the menu reload it."""
    announce(menu_changed, menu, item=menu.items[0])


def _load_missing(loader: BulkLoader[R], records: Sequence[R]) -> int:
    return loader.load_missing(len(records), lambda number: records[number].id, records.__getitem__)


def _order_id(number: int) -> str:
    return operation_of(SCOPE, number).record_id
