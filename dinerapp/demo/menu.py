"""A menu to try things with. Adding it again adds nothing, and brings nothing back."""

from __future__ import annotations

from collections.abc import Mapping

from dinerapp.demo import drinks, food, mains
from dinerapp.demo.dishes import Choice, Course, Dish
from dinerapp.ordering.domain.menu import Option, OptionGroup
from dinerapp.ordering.services.menu import CategoryService, MenuService
from dinerapp.replication.errors import DuplicateKey, NotFound
from dinerapp.replication.identity import Operation

COURSES: tuple[Course, ...] = (
    food.BREAKFAST,
    food.STARTERS,
    mains.BURGERS,
    mains.PIZZA,
    mains.MAINS,
    food.SIDES,
    food.DESSERTS,
    food.KIDS,
    drinks.SOFT_DRINKS,
    drinks.WINE_AND_BEER,
)
DISHES: tuple[Dish, ...] = tuple(dish for course in COURSES for dish in course.dishes)


def seed(menu: MenuService, categories: CategoryService) -> int:
    """Adds what is missing of the demo menu and says how many items that were. What somebody
    has removed stays removed."""
    added = 0
    for place, course in enumerate(COURSES):
        category_id = _category(categories, place, course)
        if category_id is not None:
            added += sum(_add(menu, category_id, dish) for dish in course.dishes)
    return added


def by_id() -> Mapping[str, Course]:
    """The course of every dish, by the id of the item."""
    return {operation_of(dish).record_id: course for course in COURSES for dish in course.dishes}


def operation_of(dish: Dish) -> Operation:
    """The ids that this dish is always added under."""
    return Operation.keyed("demo menu", dish.slug, b"")


def _category(categories: CategoryService, position: int, course: Course) -> str | None:
    """Its id, whether it was there before or not; None if it was removed."""
    fields = {
        "slug": course.slug,
        "name": course.name,
        "description": course.description,
        "hours": course.hours,
        "position": position,
    }
    try:
        operation = Operation.keyed("demo category", course.slug, b"")
        return categories.add(operation, fields).record.id
    except DuplicateKey:
        return next(one.id for one in categories.all() if one.slug == course.slug)
    except NotFound:
        return None


def _add(menu: MenuService, category_id: str, dish: Dish) -> bool:
    operation = operation_of(dish)
    try:
        return menu.add(operation, _fields(operation, category_id, dish)).changed
    except (DuplicateKey, NotFound):
        return False


def _fields(operation: Operation, category_id: str, dish: Dish) -> Mapping[str, object]:
    return {
        "slug": dish.slug,
        "name": dish.name,
        "description": dish.description,
        "category_id": category_id,
        "position": DISHES.index(dish),
        "price": dish.price,
        "tax_rate": dish.tax_rate,
        "dietary": dish.dietary,
        "allergens": dish.allergens,
        "option_groups": tuple(group_of(operation, choice) for choice in dish.choices),
        "station": dish.station,
        "hours": dish.hours,
        "stock_limit": dish.stock,
    }


def group_of(operation: Operation, choice: Choice) -> OptionGroup:
    """The choice as an option group of the item that the operation adds."""
    options = tuple(
        Option(id=operation.part(f"{choice.name} {name}"), name=name, price=price)
        for name, price in choice.options.items()
    )
    return OptionGroup(
        id=operation.part(choice.name),
        name=choice.name,
        min=choice.min,
        max=choice.max,
        options=options,
    )
