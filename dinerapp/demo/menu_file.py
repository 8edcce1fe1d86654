"""Reads a menu from a TOML file. docs/demo-data.md documents the fields."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from dinerapp.demo.dishes import Choice, Course, Dish
from dinerapp.demo.toml_fields import (
    Fields,
    amount,
    flag,
    list_of,
    require_distinct,
    table,
    text,
    whole,
)
from dinerapp.ordering.domain.hours import Window, parse_hours
from dinerapp.replication.errors import DinerError

_MAX_PRICE, _MAX_OPTION_PRICE = 10**9, 10**6
_MAX_STOCK = 1_000_000
_MAX_DISHES = 10_000
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_SLUG_LENGTH = 100
_MAX_CHOICES, _MAX_OPTIONS, _MAX_TAKEN = 30, 100, 50
_MAX_WINDOWS = 20
_HOURS = "days and hours such as mon-fri 11:30-15:00; sat 12:00-02:00"

_name = text(200)
_description = text(2000, least=0)
_station = text(50)
_words = list_of(text(50), 30)
_percentage = amount(0, 100_00, decimals=2)
_stock = whole(0, _MAX_STOCK)
_tables = list_of(table, _MAX_DISHES)
_NOTHING: tuple[Any, ...] = ()


class BadMenu(DinerError):
    """The file cannot be used. The message names the file, the dish and the field."""


def read(path: Path) -> tuple[Course, ...]:
    """The categories in the file with their dishes, in file order."""
    try:
        return _menu(tomllib.loads(path.read_text("utf-8-sig"), parse_float=Decimal))
    except OSError as exc:
        raise BadMenu(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise BadMenu(f"{path} is not UTF-8 text") from exc
    except tomllib.TOMLDecodeError as exc:
        raise BadMenu(f"{path} is not valid TOML: {exc}") from exc
    except ValueError as exc:
        raise BadMenu(f"{path}: {exc}") from exc


def _menu(contents: Mapping[str, Any]) -> tuple[Course, ...]:
    fields = Fields("the menu", contents)
    decimals = fields.get("decimals", whole(0, 4), 2)
    tax = fields.get("tax", _percentage, None)
    dishes = _DishReader(decimals, fields.get("choice", table, {}))
    categories = fields.get("category", _tables)
    fields.require_no_others()
    courses = tuple(
        _course(category, number, dishes, tax) for number, category in enumerate(categories, 1)
    )
    _require_unique("category", [course.slug for course in courses])
    _require_unique("dish", [dish.slug for course in courses for dish in course.dishes])
    return courses


def _course(
    category: Mapping[str, Any], number: int, dishes: _DishReader, tax: int | None
) -> Course:
    fields = Fields(_label("category", category, number), category)
    station = fields.get("station", _station, "kitchen")
    tax = fields.get("tax", _percentage, tax)
    listed = fields.get("dish", _tables, _NOTHING)
    course = Course(
        slug=fields.get("slug", _slug),
        name=fields.get("name", _name),
        description=fields.get("description", _description, ""),
        hours=fields.get("hours", _hours, ()),
        dishes=tuple(
            dishes.dish(dish, index, station, tax) for index, dish in enumerate(listed, 1)
        ),
        popularity=fields.get("appetite", whole(1, 1000), 1),
        is_main=fields.get("filling", flag, False),
    )
    fields.require_no_others()
    return course


class _DishReader:
    """Reads dishes with what the dishes of a file share: the price format and named choices."""

    def __init__(self, decimals: int, choices: Mapping[str, object]) -> None:
        self._price = amount(0, _MAX_PRICE, decimals)
        self._option_price = amount(-_MAX_OPTION_PRICE, _MAX_OPTION_PRICE, decimals)
        self._shared = {
            key: self._choice(choice, f"choice {key!r}") for key, choice in choices.items()
        }

    def dish(self, dish: Mapping[str, Any], number: int, station: str, tax: int | None) -> Dish:
        owner = _label("dish", dish, number)
        fields = Fields(owner, dish)
        choices = fields.get("choices", _list, _NOTHING)
        result = Dish(
            slug=fields.get("slug", _slug),
            name=fields.get("name", _name),
            description=fields.get("description", _description, ""),
            price=fields.get("price", self._price),
            station=fields.get("station", _station, station),
            tax_rate=fields.get("tax", _percentage, tax),
            dietary=fields.get("dietary", _words, ()),
            allergens=fields.get("allergens", _words, ()),
            choices=tuple(self._shared_or_own(choice, fields, owner) for choice in choices),
            hours=fields.get("hours", _hours, ()),
            stock=fields.get("stock", _stock, None),
        )
        fields.require_no_others()
        _require_distinct_choices(result, fields)
        return result

    def _shared_or_own(self, value: object, fields: Fields, owner: str) -> Choice:
        if not isinstance(value, str):
            return self._choice(value, f"{owner}, {_label('choice', value)}")
        if value not in self._shared:
            raise fields.error("choices", f"refers to {value!r}, but there is no [choice.{value}]")
        return self._shared[value]

    def _choice(self, value: object, owner: str) -> Choice:
        fields = Fields(owner, value)
        options = fields.get("options", _options)
        prices = Fields(f"{owner}, options", options)
        choice = Choice(
            name=fields.get("name", _name),
            min=fields.get("min", whole(0, _MAX_TAKEN), 0),
            max=fields.get("max", whole(1, _MAX_TAKEN), 1),
            options={name: prices.get(name, self._option_price) for name in options},
        )
        fields.require_no_others()
        if choice.min > choice.max:
            raise fields.error("min", "must not be greater than max")
        if choice.max > len(choice.options):
            raise fields.error("max", "must not be greater than the number of options")
        return choice


def _require_unique(what: str, slugs: Sequence[str]) -> None:
    try:
        require_distinct(slugs)
    except ValueError as exc:
        raise ValueError(f"the menu {exc}; every {what} needs a slug of its own") from exc


def _require_distinct_choices(dish: Dish, fields: Fields) -> None:
    """The ids of a dish's choices and options are derived from these names."""
    try:
        require_distinct([choice.name for choice in dish.choices])
        require_distinct([f"{c.name} {option}" for c in dish.choices for option in c.options])
    except ValueError as exc:
        raise fields.error("choices", str(exc)) from exc


def _label(what: str, value: object, number: int | None = None) -> str:
    """The name of an element in messages: its slug or name, otherwise its position."""
    values = value if isinstance(value, dict) else {}
    name = values.get("slug", values.get("name"))
    if isinstance(name, str):
        return f"{what} {name!r}"
    return what if number is None else f"{what} number {number}"


def _slug(value: object) -> str:
    slug = text(_MAX_SLUG_LENGTH)(value)
    if not _SLUG.fullmatch(slug):
        raise ValueError("must be lower-case words-with-dashes")
    return slug


def _hours(value: object) -> tuple[Window, ...]:
    try:
        windows = parse_hours(text(1000)(value))
    except ValueError as exc:
        raise ValueError(f"must be {_HOURS}") from exc
    if len(windows) > _MAX_WINDOWS:
        raise ValueError(f"must have at most {_MAX_WINDOWS} windows")
    return windows


def _options(value: object) -> Mapping[str, Any]:
    options = table(value)
    if not 1 <= len(options) <= _MAX_OPTIONS:
        raise ValueError(f"must have 1 to {_MAX_OPTIONS} entries, each with its price")
    for name in options:
        _name(name)
    return options


def _list(value: object) -> tuple[object, ...]:
    return list_of(lambda item: item, _MAX_CHOICES)(value)
