"""A large menu and very many orders, for load tests: a year of a house that never stood still.

Records have ids of their numbers, so that what was interrupted goes on where it was.
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
    """The menu by number; nothing of it is read from anywhere."""

    def __init__(self, items: int, now: datetime) -> None:
        self._now = now
        self.categories = [self._category(number) for number in range(_CATEGORY_COUNT)]
        self.items = [self._item(number) for number in range(items)]

    def restaurant(self, calendar: Calendar, rates: Rates, currency: str) -> Restaurant:
        """Where this is served; of the items some are asked for much more than others."""
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
        way, thing = (
            _PREPARATIONS[number % len(_PREPARATIONS)],
            _INGREDIENTS[number % len(_INGREDIENTS)],
        )
        choices = (_SIZE, _EXTRAS)[: number % 3]
        return MenuItem(
            id=operation.record_id,
            op_id=operation.op_id,
            created_at=self._now,
            updated_at=self._now,
            slug=f"large-{number + 1:05}",
            name=f"{way} {thing}, number {number + 1}",
            description=f"{way} {thing} {_ACCOMPANIMENTS[number % len(_ACCOMPANIMENTS)]}",
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
    """Adds what is missing of the items, and says how many that were."""
    _load_missing(categories, menu.categories)
    return _load_missing(items, menu.items)


def seed_orders(
    restaurant: Restaurant,
    orders: BulkLoader[Order],
    now: datetime,
    progress: ProgressCallback,
    count: int = ORDER_COUNT,
) -> int:
    """Adds what is missing of so many orders, and says how many that were."""
    begun = orders.find(_order_id(NEWEST_NUMBER))
    rush = Arrivals(restaurant.calendar, begun.created_at if begun else now, _DAY_COUNT)
    book = OrderGenerator(SCOPE, restaurant, rush, people.MAX_GUESTS)
    return orders.load_missing(count, _order_id, book.order, lambda done: progress(done, count))


def announce_menu_changed(menu: LargeMenu) -> None:
    """Whoever keeps the menu ready makes it anew."""
    announce(menu_changed, menu, item=menu.items[0])


def _load_missing(bulk: BulkLoader[R], records: Sequence[R]) -> int:
    return bulk.load_missing(len(records), lambda number: records[number].id, records.__getitem__)


def _order_id(number: int) -> str:
    return operation_of(SCOPE, number).record_id
