"""What a dish of the demo menu is written down as, and the choices that many of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dinerapp.ordering.domain.hours import Window

FOOD_TAX, DRINKS_TAX = 700, 1900
COLD_KITCHEN, GRILL, PIZZA_OVEN, PASTRY, BAR = (
    "cold kitchen",
    "grill",
    "pizza oven",
    "pastry",
    "bar",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """An option group by names: its options with what each adds to the price."""

    name: str
    min: int
    max: int
    options: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    """An item by names; ids follow from its slug. Whatever is vegan is vegetarian too."""

    slug: str
    name: str
    description: str
    price: int
    station: str = "kitchen"
    dietary: tuple[str, ...] = ()
    allergens: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    hours: tuple[Window, ...] = ()
    stock: int | None = None
    tax_rate: int = FOOD_TAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A category with its dishes. `appetite` is how often guests think of it; of a `filling` one
    an order has at least one dish."""

    slug: str
    name: str
    dishes: tuple[Dish, ...]
    description: str = ""
    hours: tuple[Window, ...] = ()
    appetite: int = 1
    filling: bool = False


VEGETARIAN = ("vegetarian",)
VEGAN = ("vegan", "vegetarian")

IN_A_BUN = ("egg", "gluten", "milk", "mustard", "sesame")

DONENESS = Choice("Cooked", 1, 1, {"Medium": 0, "Well done": 0})
SIDE = Choice("Side", 1, 1, {"Fries": 0, "Salad": 50, "Sweet potato fries": 120})
BURGER_EXTRAS = Choice("Extras", 0, 3, {"Cheddar": 100, "Bacon": 150, "Jalapeños": 80})
PIZZA_SIZE = Choice("Size", 1, 1, {"26 cm": 0, "32 cm": 260, "Gluten-free, 26 cm": 200})
PIZZA_EXTRAS = Choice(
    "Extras", 0, 4, {"Mozzarella": 150, "Olives": 100, "Rocket": 120, "Parma ham": 250}
)
SAUCE = Choice("Dip", 0, 2, {"Ketchup": 40, "Mayonnaise": 40, "Aioli": 70, "Barbecue": 60})
ICE_CREAM = Choice("With", 0, 2, {"Vanilla ice cream": 180, "Whipped cream": 90})
MILK = Choice("Milk", 0, 1, {"Oat": 40, "Soy": 40})
SOFT_SIZE = Choice("Size", 1, 1, {"0.3 l": 0, "0.5 l": 120})
WATER_SIZE = Choice("Size", 1, 1, {"0.25 l": 0, "0.75 l": 350})
BEER_SIZE = Choice("Size", 1, 1, {"0.3 l": 0, "0.5 l": 150})
WINE_SIZE = Choice("Size", 1, 1, {"0.1 l": 0, "0.2 l": 340, "Bottle, 0.75 l": 1800})
