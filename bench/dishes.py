"""The menu that all are asked for: 100 dishes in 10 categories, each with 2 groups of 3 options."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from dinerapp.replication.identity import derived_id

DISH_COUNT, CATEGORY_COUNT = 100, 10
LINES_PER_ORDER = 4
UNLIMITED_STOCK = 10**9
"""So many of each dish are in stock."""


@dataclass(frozen=True)
class BenchDish:
    """One dish, the same for everybody."""

    number: int
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", derived_id("dish", str(self.number)))

    @property
    def category(self) -> int:
        return self.number % CATEGORY_COUNT

    @property
    def price(self) -> int:
        return 500 + 10 * self.number

    @property
    def fields(self) -> dict[str, Any]:
        """As the menu shows them, without the category and what is left."""
        return {
            "slug": f"dish-{self.number}",
            "name": f"Pelmeni {self.number}",
            "description": "With sour cream and herbs, the way we like them at home",
            "position": self.number,
            "price": self.price,
            "station": "kitchen",
            "dietary": ["vegetarian"],
            "allergens": ["gluten", "milk"],
            "option_groups": [_group("size", 1, 1), _group("sauce", 0, 3)],
        }


DISHES = tuple(BenchDish(number) for number in range(DISH_COUNT))


def category_name(number: int) -> str:
    """In an order that is the same as text."""
    return f"Category {number}"


def order_body(number: int) -> dict[str, Any]:
    """The body of an order of four different dishes, each with a size and a sauce."""
    chance = random.Random(number)
    lines = [
        {
            "item_id": dish.id,
            "quantity": chance.randint(1, 3),
            "options": [f"size-{chance.randrange(3)}", f"sauce-{chance.randrange(3)}"],
            "notes": f"{number}",
        }
        for dish in chance.sample(DISHES, LINES_PER_ORDER)
    ]
    return {
        "customer": {"name": "Ada", "phone": f"+49 30 {number:07}"},
        "fulfilment": {"type": "pickup"},
        "items": lines,
    }


def expected_total(order: dict[str, Any]) -> int:
    """What such an order must come to."""
    prices = {dish.id: dish.price for dish in DISHES}
    return sum(
        line["quantity"] * (prices[line["item_id"]] + sum(map(_surcharge, line["options"])))
        for line in order["items"]
    )


def _group(name: str, least: int, most: int) -> dict[str, Any]:
    options = [
        {"id": f"{name}-{each}", "name": f"Kind {each}", "price": 50 * each} for each in range(3)
    ]
    return {"id": name, "name": name.title(), "min": least, "max": most, "options": options}


def _surcharge(option_id: str) -> int:
    return 50 * int(option_id.rpartition("-")[2])
