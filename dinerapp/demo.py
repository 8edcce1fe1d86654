"""A menu to try things with. Adding it again adds nothing, and brings nothing back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinerapp.domain.identity import Operation
from dinerapp.domain.menu import Option, OptionGroup
from dinerapp.errors import DuplicateKey, NotFound
from dinerapp.services.menu import CategoryService, MenuService

Choices = Mapping[str, int]

_DONENESS = ("Cooked", 1, 1, {"Medium": 0, "Well done": 0})
_SIDE = ("Side", 1, 1, {"Fries": 0, "Salad": 50, "Sweet potato fries": 120})
_EXTRAS = ("Extras", 0, 3, {"Cheddar": 100, "Bacon": 150, "Jalapeños": 80})
_MILK = ("Milk", 0, 1, {"Oat": 40, "Soy": 40})
_SIZE = ("Size", 1, 1, {"0.3 l": 0, "0.5 l": 120})

CATEGORIES = ("Starters", "Burgers", "Mains", "Desserts", "Drinks")
MENU: tuple[dict[str, Any], ...] = (
    {
        "slug": "tomato-soup",
        "name": "Roast tomato soup",
        "description": "With basil oil and grilled sourdough",
        "category": "Starters",
        "station": "cold kitchen",
        "price": 690,
        "dietary": ("vegan",),
        "allergens": ("gluten",),
        "groups": (("Bread", 0, 1, {"Gluten-free bread": 100}),),
    },
    {
        "slug": "chicken-wings",
        "name": "Chicken wings",
        "description": "Eight pieces, celery, blue cheese dip",
        "category": "Starters",
        "station": "cold kitchen",
        "price": 980,
        "allergens": ("milk", "celery"),
        "groups": (("Sauce", 1, 2, {"Buffalo": 0, "Honey mustard": 0, "Smoked barbecue": 0}),),
    },
    {
        "slug": "caesar-salad",
        "name": "Caesar salad",
        "description": "Romaine, parmesan, anchovies, croutons",
        "category": "Starters",
        "station": "cold kitchen",
        "price": 1150,
        "allergens": ("egg", "fish", "gluten", "milk"),
        "groups": (("On top", 0, 2, {"Grilled chicken": 350, "Prawns": 490}),),
    },
    {
        "slug": "diner-burger",
        "name": "The Digital Burger",
        "description": "180 g of beef, cheddar, pickles, house sauce",
        "category": "Burgers",
        "station": "grill",
        "price": 1390,
        "allergens": ("egg", "gluten", "milk", "mustard", "sesame"),
        "groups": (_DONENESS, _SIDE, _EXTRAS),
    },
    {
        "slug": "double-bacon-burger",
        "name": "Double bacon burger",
        "description": "Twice 120 g of beef, smoked bacon, onion jam",
        "category": "Burgers",
        "station": "grill",
        "price": 1690,
        "allergens": ("egg", "gluten", "milk", "mustard", "sesame"),
        "groups": (_DONENESS, _SIDE, _EXTRAS),
    },
    {
        "slug": "bean-burger",
        "name": "Black bean burger",
        "description": "Black beans, avocado, coriander, lime mayonnaise without egg",
        "category": "Burgers",
        "station": "grill",
        "price": 1290,
        "dietary": ("vegan",),
        "allergens": ("gluten", "sesame", "soy"),
        "groups": (_SIDE, ("Extras", 0, 2, {"Avocado": 150, "Jalapeños": 80})),
    },
    {
        "slug": "mac-and-cheese",
        "name": "Mac and cheese",
        "description": "Three cheeses, crisp breadcrumbs",
        "category": "Mains",
        "price": 1190,
        "dietary": ("vegetarian",),
        "allergens": ("gluten", "milk"),
        "groups": (("On top", 0, 2, {"Bacon": 150, "Truffle": 290, "Spinach": 120}),),
    },
    {
        "slug": "grilled-salmon",
        "name": "Grilled salmon",
        "description": "Lemon butter, green beans, new potatoes",
        "category": "Mains",
        "price": 2190,
        "allergens": ("fish", "milk"),
        "groups": (("Instead of potatoes", 0, 1, {"Rice": 0, "Salad": 50}),),
    },
    {
        "slug": "rib-eye",
        "name": "Rib-eye steak",
        "description": "300 g, dry-aged; a few a day",
        "category": "Mains",
        "station": "grill",
        "price": 2990,
        "stock_limit": 24,
        "groups": (
            ("Cooked", 1, 1, {"Rare": 0, "Medium rare": 0, "Medium": 0, "Well done": 0}),
            _SIDE,
            ("Sauce", 0, 2, {"Pepper": 150, "Béarnaise": 180, "Herb butter": 120}),
        ),
    },
    {
        "slug": "apple-pie",
        "name": "Apple pie",
        "description": "Warm, with cinnamon",
        "category": "Desserts",
        "station": "pastry",
        "price": 620,
        "dietary": ("vegetarian",),
        "allergens": ("egg", "gluten", "milk"),
        "groups": (("With", 0, 2, {"Vanilla ice cream": 180, "Whipped cream": 90}),),
    },
    {
        "slug": "chocolate-brownie",
        "name": "Chocolate brownie",
        "description": "Dark chocolate, walnuts, sea salt",
        "category": "Desserts",
        "station": "pastry",
        "price": 590,
        "dietary": ("vegetarian",),
        "allergens": ("egg", "gluten", "milk", "nuts"),
        "groups": (("With", 0, 1, {"Vanilla ice cream": 180}),),
    },
    {
        "slug": "milkshake",
        "name": "Milkshake",
        "description": "Thick, in a tall glass",
        "category": "Drinks",
        "station": "bar",
        "price": 650,
        "dietary": ("vegetarian",),
        "allergens": ("milk",),
        "groups": (("Flavour", 1, 1, {"Vanilla": 0, "Strawberry": 0, "Salted caramel": 40}),),
    },
    {
        "slug": "lemonade",
        "name": "Homemade lemonade",
        "description": "Lemon, mint, sparkling water",
        "category": "Drinks",
        "station": "bar",
        "price": 390,
        "dietary": ("vegan",),
        "groups": (_SIZE,),
    },
    {
        "slug": "flat-white",
        "name": "Flat white",
        "description": "Double ristretto, steamed milk",
        "category": "Drinks",
        "station": "bar",
        "price": 380,
        "dietary": ("vegetarian",),
        "allergens": ("milk",),
        "groups": (_MILK,),
    },
)


def seed(menu: MenuService, categories: CategoryService) -> int:
    """Adds what is missing of the demo menu and says how many items that were. What somebody
    has removed stays removed."""
    ids = {name: _category(categories, number, name) for number, name in enumerate(CATEGORIES)}
    return sum(_add(menu, ids, position, dict(dish)) for position, dish in enumerate(MENU))


def _category(categories: CategoryService, position: int, name: str) -> str | None:
    """Its id, whether it was there before or not; None if it was removed."""
    operation = Operation.keyed("demo category", name, b"")
    fields = {"slug": name.lower(), "name": name, "position": position}
    try:
        return categories.add(operation, fields).record.id
    except DuplicateKey:
        return next(one.id for one in categories.all() if one.slug == fields["slug"])
    except NotFound:
        return None


def _add(
    menu: MenuService, ids: Mapping[str, str | None], position: int, fields: dict[str, Any]
) -> bool:
    operation = Operation.keyed("demo menu", fields["slug"], b"")
    fields["category_id"] = ids[fields.pop("category")]
    if fields["category_id"] is None:
        return False
    groups = tuple(_group(operation, *group) for group in fields.pop("groups"))
    try:
        done = menu.add(operation, {**fields, "position": position, "option_groups": groups})
    except (DuplicateKey, NotFound):
        return False
    return done.changed


def _group(operation: Operation, name: str, least: int, most: int, choices: Choices) -> OptionGroup:
    options = tuple(
        Option(id=operation.part(f"{name} {choice}"), name=choice, price=price)
        for choice, price in choices.items()
    )
    return OptionGroup(id=operation.part(name), name=name, min=least, max=most, options=options)
