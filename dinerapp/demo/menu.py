"""Seeds the demo menu, or a menu that a restaurant has written.

Seeding is idempotent, and does not restore items that were deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dinerapp.demo.dishes import Choice, Course, Dish
from dinerapp.demo.menu_file import read
from dinerapp.ordering.domain.menu import Option, OptionGroup
from dinerapp.ordering.services.menu import CategoryService, MenuService
from dinerapp.replication.errors import DuplicateKey, NotFound
from dinerapp.replication.identity import Operation

COURSES: Sequence[Course] = read(Path(__file__).with_name("menu.toml"))
DISHES: Sequence[Dish] = tuple(dish for course in COURSES for dish in course.dishes)
_DEMO, _OWN = "demo", "own"
"""The owner of a menu. Ids depend on it, so that a restaurant's own fries can be added after those
of the demo were deleted."""


def seed(menu: MenuService, categories: CategoryService) -> int:
    """Adds missing items of the demo menu, and returns how many. Deleted items stay deleted."""
    return _add_missing(menu, categories, COURSES, _DEMO)


def seed_own(menu: MenuService, categories: CategoryService, courses: Sequence[Course]) -> int:
    """Like `seed`, for a menu that a restaurant has written."""
    return _add_missing(menu, categories, courses, _OWN)


def courses_by_item_id() -> Mapping[str, Course]:
    """The course of each demo dish, by item id."""
    return {operation_of(dish).record_id: course for course in COURSES for dish in course.dishes}


def operation_of(dish: Dish, owner: str = _DEMO) -> Operation:
    """The operation that adds this dish, always with the same ids."""
    return Operation.from_key(f"{owner} menu", dish.slug, b"")


def _add_missing(
    menu: MenuService, categories: CategoryService, courses: Sequence[Course], owner: str
) -> int:
    added, position = 0, 0
    for number, course in enumerate(courses):
        category_id = _ensure_category(categories, number, course, owner)
        for dish in course.dishes:
            if category_id is not None:
                added += _add(menu, category_id, position, dish, owner)
            position += 1
    return added


def _ensure_category(
    categories: CategoryService, position: int, course: Course, owner: str
) -> str | None:
    """The id of the category, which is created if it is missing; None if it was deleted."""
    fields = {
        "slug": course.slug,
        "name": course.name,
        "description": course.description,
        "hours": course.hours,
        "position": position,
    }
    try:
        operation = Operation.from_key(f"{owner} category", course.slug, b"")
        return categories.add(operation, fields).record.id
    except DuplicateKey:
        return next(found.id for found in categories.all() if found.slug == course.slug)
    except NotFound:
        return None


def _add(menu: MenuService, category_id: str, position: int, dish: Dish, owner: str) -> bool:
    operation = operation_of(dish, owner)
    try:
        return menu.add(operation, _fields(operation, category_id, position, dish)).changed
    except (DuplicateKey, NotFound):
        return False


def _fields(
    operation: Operation, category_id: str, position: int, dish: Dish
) -> Mapping[str, object]:
    return {
        "slug": dish.slug,
        "name": dish.name,
        "description": dish.description,
        "category_id": category_id,
        "position": position,
        "price": dish.price,
        "tax_rate": dish.tax_rate,
        "dietary": dish.dietary,
        "allergens": dish.allergens,
        "option_groups": tuple(option_group(operation, choice) for choice in dish.choices),
        "station": dish.station,
        "hours": dish.hours,
        "stock_limit": dish.stock,
    }


def option_group(operation: Operation, choice: Choice) -> OptionGroup:
    """The option group for a choice of the item that the operation adds."""
    options = tuple(
        Option(id=operation.child_id(f"{choice.name} {name}"), name=name, price=price)
        for name, price in choice.options.items()
    )
    return OptionGroup(
        id=operation.child_id(choice.name),
        name=choice.name,
        min=choice.min,
        max=choice.max,
        options=options,
    )
