"""A restaurant's own menu file: what it may say, and what is said about a mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from blueprints.menu.schemas import CategoryIn, ItemIn
from dinerapp.demo import menu
from dinerapp.demo.dishes import Course
from dinerapp.demo.menu_file import BadMenu, read
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.hours import parse_hours
from dinerapp.replication.identity import new_op_id
from tests.demo.restaurants import memory_services
from tests.demo.test_menu import sent

Written = Callable[[str], Path]

SMALL = """
tax = 7

[choice.size]
name = "Size"
min = 1
options = { Small = -1.5, Large = 2 }

[[category]]
slug = "soups"
name = "Soups"
station = "stove"

[[category.dish]]
slug = "goulash"
name = "Goulash"
price = 7.9
choices = ["size", { name = "With", options = { Bread = 0.80 } }]

[[category]]
slug = "drinks"
name = "Drinks"
tax = 19
hours = "fri,sat 18:00-02:00"

[[category.dish]]
slug = "lemonade"
name = "Lemonade"
description = "Made here"
price = 4
station = "bar"
tax = 8.25
hours = "sat 18:00-20:00"
stock = 12
dietary = ["vegan", "vegetarian"]
allergens = ["sulphites"]
"""
GOULASH = '"Goulash"\nprice = 7.9'
CHOICES = 'choices = ["size", { name = "With", options = { Bread = 0.80 } }]'


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The text as a menu file."""

    def write(text: str) -> Path:
        path = tmp_path / "menu.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def of_file(text: str, written: Written) -> Sequence[Course]:
    return read(written(text))


def test_prices_are_minor_units_and_what_a_category_says_holds_for_its_dishes(
    written: Written,
) -> None:
    soups, drinks = of_file(SMALL, written)
    [goulash], [lemonade] = soups.dishes, drinks.dishes
    assert (goulash.price, goulash.tax_rate, goulash.station) == (790, 700, "stove")
    assert (lemonade.price, lemonade.tax_rate, lemonade.station) == (400, 825, "bar")
    assert drinks.hours == parse_hours("fri,sat 18:00-02:00")
    assert (lemonade.hours, lemonade.stock) == (parse_hours("sat 18:00-20:00"), 12)
    size, extra = goulash.choices
    assert (size.name, size.min, size.max, size.options) == (
        "Size",
        1,
        1,
        {"Small": -150, "Large": 200},
    )
    assert (extra.name, extra.min, extra.max, extra.options) == ("With", 0, 1, {"Bread": 80})


def test_what_is_left_out_has_a_default(written: Written) -> None:
    text = (
        '[[category]]\nslug = "a"\nname = "A"\n[[category.dish]]\nslug = "b"\nname = "B"\nprice = 1'
    )
    [course] = of_file(text, written)
    [dish] = course.dishes
    assert (dish.description, dish.station, dish.tax_rate, dish.stock) == (
        "",
        "kitchen",
        None,
        None,
    )
    assert (dish.dietary, dish.allergens, dish.choices, dish.hours) == ((), (), (), ())
    assert (course.description, course.hours, course.popularity, course.is_main) == (
        "",
        (),
        1,
        False,
    )


@pytest.mark.parametrize(
    ("decimals", "price", "units"), [(0, "1200", 1200), (2, "0.05", 5), (3, "1.250", 1250)]
)
def test_prices_have_the_decimals_of_the_currency(
    written: Written, decimals: int, price: str, units: int
) -> None:
    text = SMALL.replace(GOULASH, f'"Goulash"\nprice = {price}').replace("-1.5", "0")
    text = text.replace("0.80", "1")
    [soups, _] = of_file(f"decimals = {decimals}\n{text}", written)
    assert soups.dishes[0].price == units


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (GOULASH, '"Goulash"', "dish 'goulash': price is missing"),
        (
            GOULASH,
            '"Goulash"\nprice = "7.90"',
            "dish 'goulash': price must be a number from 0.00 to ",
        ),
        (GOULASH, '"Goulash"\nprice = 7.905', "with at most 2 digits after the point"),
        (GOULASH, '"Goulash"\nprice = -1', "dish 'goulash': price must be a number from 0.00 to "),
        (GOULASH, '"Goulash"\nprice = nan', "dish 'goulash': price must be"),
        (GOULASH, '"Goulash"\nprice = 1e999999999', "dish 'goulash': price must be"),
        (GOULASH, '"Goulash"\nprice = true', "dish 'goulash': price must be"),
        (
            GOULASH,
            f"{GOULASH}\nalergens = []",
            "dish 'goulash': 'alergens' is not a known field; the fields",
        ),
        (GOULASH, '""\nprice = 7.9', "dish 'goulash': name must be text of 1 to 200 characters"),
        (GOULASH, '"  "\nprice = 7.9', "dish 'goulash': name must not be blank"),
        (GOULASH, '"\\u0000"\nprice = 7.9', "dish 'goulash': name must not contain NUL"),
        ('"goulash"', '"Goulash soup"', "dish 'Goulash soup': slug must be lower-case words-with-"),
        ('slug = "goulash"', "", "dish 'Goulash': slug is missing"),
        ('slug = "goulash"\nname = "Goulash"', "", "dish number 1: slug is missing"),
        ('"lemonade"', '"goulash"', "the menu contains 'goulash' twice; every dish needs a slug"),
        ('"drinks"', '"soups"', "the menu contains 'soups' twice; every category needs a slug"),
        (
            '"sat 18:00-20:00"',
            '"saturday"',
            "dish 'lemonade': hours must be days and hours such as",
        ),
        (
            '"sat 18:00-20:00"',
            '"' + "sat 18:00-20:00;" * 21 + '"',
            "hours must have at most 20 windows",
        ),
        ("stock = 12", "stock = 1.5", "dish 'lemonade': stock must be a whole number from 0 to "),
        ('["sulphites"]', '"sulphites"', "dish 'lemonade': allergens must be a list of at most 30"),
        ('["sulphites"]', "[7]", "dish 'lemonade': allergens must be text of 1 to 50 characters"),
        ("tax = 19", "tax = 119", "category 'drinks': tax must be a number from 0.00 to 100.00"),
        ("tax = 19", 'filling = "yes"', "category 'drinks': filling must be true or false"),
        (
            '"size", {',
            '"sizes", {',
            "dish 'goulash': choices refers to 'sizes', but there is no [choice.",
        ),
        ('"size", {', '"size", "size", {', "dish 'goulash': choices contains 'Size' twice"),
        (CHOICES, "choices = [7]", "dish 'goulash', choice must be a table"),
        (
            "Bread = 0.80",
            "",
            "dish 'goulash', choice 'With': options must have 1 to 100 entries, each with its",
        ),
        (
            "Bread = 0.80",
            'Bread = "-"',
            "dish 'goulash', choice 'With', options: Bread must be a num",
        ),
        ("min = 1", "min = 2", "choice 'size': min must not be greater than max"),
        (
            "min = 1",
            "min = 1\nmax = 3",
            "choice 'size': max must not be greater than the number of options",
        ),
        (
            "tax = 7",
            "taxes = 7",
            "the menu: 'taxes' is not a known field; the fields are: decimals, tax, choice",
        ),
        ("tax = 7", "tax =", "is not valid TOML: Invalid value (at line 2, column 6)"),
        ("[[category]]", "[category]", "is not valid TOML: "),
        (SMALL, "", "the menu: category is missing"),
        (SMALL, "category = 7", "the menu: category must be a list of"),
    ],
)
def test_a_mistake_is_one_line_with_the_dish_and_the_field(
    written: Written, old: str, new: str, said: str
) -> None:
    assert old in SMALL
    path = written(SMALL.replace(old, new))
    with pytest.raises(BadMenu) as caught:
        read(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_two_options_that_would_have_one_id_are_refused(written: Written) -> None:
    two = '[{ name = "A", options = { "B C" = 0 } }, { name = "A B", options = { C = 0 } }]'
    path = written(SMALL.replace(CHOICES, f"choices = {two}"))
    with pytest.raises(BadMenu, match="dish 'goulash': choices contains 'A B C' twice"):
        read(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMenu, match=r"missing\.toml cannot be read: No such file"):
        read(tmp_path / "missing.toml")
    with pytest.raises(BadMenu, match="cannot be read: Is a directory"):
        read(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes('name = "Béarnaise"'.encode("latin-1"))
    with pytest.raises(BadMenu, match="is not UTF-8 text"):
        read(path)


def test_the_mark_that_windows_puts_before_a_text_does_no_harm(written: Written) -> None:
    assert of_file("\ufeff" + SMALL, written) == of_file(SMALL, written)


def test_the_longest_and_the_most_could_have_been_sent_to_the_api(written: Written) -> None:
    words = [f"word {number}" for number in range(30)]
    options = ", ".join(f'"{number} {"n" * 190}" = -10000.00' for number in range(100))
    choices = ", ".join(
        f'{{ name = "{number} {"n" * 190}", min = 50, max = 50, options = {{ {options} }} }}'
        for number in range(30)
    )
    hours = ";".join(["mon-sun 00:00-24:00"] * 20)
    path = written(
        f"""
        [[category]]
        slug = "{"s" * 100}"
        name = "{"n" * 200}"
        description = "{"d" * 2000}"
        hours = "{hours}"
        [[category.dish]]
        slug = "{"s" * 100}"
        name = "{"n" * 200}"
        description = "{"d" * 2000}"
        price = 10000000.00
        station = "{"s" * 50}"
        tax = 100
        dietary = {words}
        allergens = {words}
        choices = [{choices}]
        hours = "{hours}"
        stock = 1000000
        """
    )
    with memory_services() as diner:
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu, diner.of(OrderingServices).categories, read(path)
            )
            == 1
        )
        [item], [category] = (
            diner.of(OrderingServices).menu.all(),
            diner.of(OrderingServices).categories.all(),
        )
    assert ItemIn().load(sent(item))["price"] == 10**9
    assert CategoryIn().load(sent(category))["name"] == category.name


def test_an_own_menu_is_added_once_and_what_was_removed_stays_removed(written: Written) -> None:
    courses = of_file(SMALL, written)
    with memory_services() as diner:
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu, diner.of(OrderingServices).categories, courses
            )
            == 2
        )
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu, diner.of(OrderingServices).categories, courses
            )
            == 0
        )
        goulash, lemonade = diner.of(OrderingServices).menu.all()
        assert (goulash.name, goulash.position, lemonade.position) == ("Goulash", 0, 1)
        diner.repositories["menu_items"].delete(replace(goulash, op_id=new_op_id()))
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu, diner.of(OrderingServices).categories, courses
            )
            == 0
        )


def test_an_own_dish_takes_the_place_of_a_demo_dish_that_was_removed(written: Written) -> None:
    fries = SMALL.replace('"goulash"', '"fries"').replace('"lemonade"', '"punch"')
    with memory_services() as diner:
        menu.seed(diner.of(OrderingServices).menu, diner.of(OrderingServices).categories)
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu,
                diner.of(OrderingServices).categories,
                of_file(fries, written),
            )
            == 1
        )
        [demo] = [item for item in diner.of(OrderingServices).menu.all() if item.slug == "fries"]
        diner.repositories["menu_items"].delete(replace(demo, op_id=new_op_id()))
        assert (
            menu.seed_own(
                diner.of(OrderingServices).menu,
                diner.of(OrderingServices).categories,
                of_file(fries, written),
            )
            == 1
        )
        assert len(diner.of(OrderingServices).menu.all()) == len(menu.DISHES) + 1  # the punch
