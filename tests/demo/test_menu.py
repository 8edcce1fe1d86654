"""The demo menu is one that a restaurant could have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from blueprints.menu.schemas import CategoryIn, ItemIn
from dinerapp.demo import menu
from dinerapp.demo.dishes import Dish
from dinerapp.demo.restaurant import Restaurant
from dinerapp.ordering.domain.hours import format_time
from dinerapp.ordering.domain.menu import MenuItem
from dinerapp.replication import codec
from dinerapp.replication.record import Record
from tests.demo.restaurants import seeded_services
from tests.factories import at

ALLERGENS = frozenset(
    {
        "gluten",
        "crustaceans",
        "egg",
        "fish",
        "peanuts",
        "soy",
        "milk",
        "nuts",
        "celery",
        "mustard",
        "sesame",
        "sulphites",
        "lupin",
        "molluscs",
    }
)
DIETARY = frozenset({"vegan", "vegetarian", "halal", "gluten-free"})
FROM_ANIMALS = frozenset({"crustaceans", "egg", "fish", "milk", "molluscs"})
FROM_THE_SEA = frozenset({"crustaceans", "fish", "molluscs"})
_OF_THE_STORE = {"stock_limit"}


@pytest.fixture(scope="module")
def house() -> Restaurant:
    return seeded_services(at())


@pytest.fixture(scope="module")
def items(house: Restaurant) -> list[MenuItem]:
    return [*house.menu.values()]


def sent(record: Record) -> dict[str, Any]:
    """The record as a manager would have sent it."""
    plain = codec.content(record)
    plain["hours"] = [
        {
            "days": list(window["days"]),
            "opens": format_time(given.opens),
            "closes": format_time(given.closes),
        }
        for window, given in zip(plain["hours"], record.hours, strict=True)  # type: ignore[attr-defined]
    ]
    return {name: value for name, value in plain.items() if name not in _OF_THE_STORE}


def test_it_has_more_than_forty_items_in_every_part(
    house: Restaurant, items: list[MenuItem]
) -> None:
    assert len(items) == len(menu.DISHES) >= 40
    assert len(house.categories) >= 8
    assert {item.category_id for item in items} == set(house.categories)
    names = {category.slug for category in house.categories.values()}
    assert {"starters", "mains", "pizza", "burgers", "sides", "desserts", "kids"} <= names
    assert {"soft-drinks", "wine-and-beer"} <= names


def test_every_item_and_category_could_have_been_sent(
    house: Restaurant, items: list[MenuItem]
) -> None:
    for item in items:
        assert ItemIn().load(sent(item))["name"] == item.name
        assert item.description
    for category in house.categories.values():
        assert CategoryIn().load(sent(category))["name"] == category.name


def test_slugs_and_names_are_all_different() -> None:
    assert len({dish.slug for dish in menu.DISHES}) == len(menu.DISHES)
    assert len({dish.name for dish in menu.DISHES}) == len(menu.DISHES)


def test_allergens_and_dietary_marks_are_known_ones_and_agree() -> None:
    for dish in menu.DISHES:
        assert set(dish.allergens) <= ALLERGENS, dish.slug
        assert set(dish.dietary) <= DIETARY, dish.slug
        assert len(set(dish.allergens)) == len(dish.allergens), dish.slug
        assert [*_contradictions(dish)] == []


def _contradictions(dish: Dish) -> Iterator[str]:
    marks, contents = set(dish.dietary), set(dish.allergens)
    if "vegan" in marks and ("vegetarian" not in marks or contents & FROM_ANIMALS):
        yield f"{dish.slug} is vegan, with {contents}"
    if "vegetarian" in marks and contents & FROM_THE_SEA:
        yield f"{dish.slug} is vegetarian, with {contents}"
    if "gluten-free" in marks and "gluten" in contents:
        yield f"{dish.slug} has gluten"


def test_every_choice_can_be_made(items: list[MenuItem]) -> None:
    for item in items:
        groups = item.option_groups
        ids = [option.id for group in groups for option in group.options]
        assert len(set(ids)) == len(ids), item.slug
        for group in groups:
            assert 0 <= group.min <= group.max <= len(group.options), (item.slug, group.name)
            assert len({option.name for option in group.options}) == len(group.options)
        least = sum(min(option.price for option in group.options) for group in groups)
        assert item.price + least > 0, item.slug


def test_it_shows_what_a_menu_can_do(items: list[MenuItem]) -> None:
    assert {item.tax_rate for item in items} == {700, 1900}
    assert len({item.station for item in items}) >= 4
    assert {"kitchen", "bar", "grill"} <= {item.station for item in items}
    assert any(item.hours for item in items)
    assert 3 <= sum(item.stock_limit is not None for item in items) <= 8
    options = [o for item in items for group in item.option_groups for o in group.options]
    assert {option.price > 0 for option in options} == {True, False}
    assert any(option.price < 0 for option in options)
    groups = {(group.min, group.max) for item in items for group in item.option_groups}
    assert {(0, 1), (1, 1), (0, 3), (1, 2)} <= groups


def test_drinks_are_taxed_at_the_full_rate(house: Restaurant, items: list[MenuItem]) -> None:
    drinks = {c.id for c in house.categories.values() if c.slug in ("soft-drinks", "wine-and-beer")}
    for item in items:
        assert (item.tax_rate == 1900) == (item.category_id in drinks) == (item.station == "bar")
