"""The contents of a menu file. Ids are derived from the slugs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dinerapp.ordering.domain.hours import Window


@dataclass(frozen=True, slots=True)
class Choice:
    """An option group: its options by name, each with what it adds to the price."""

    name: str
    min: int
    max: int
    options: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    """A dish or a drink. Prices are minor units, `tax_rate` is in basis points."""

    slug: str
    name: str
    description: str
    price: int
    station: str
    tax_rate: int | None
    dietary: tuple[str, ...]
    allergens: tuple[str, ...]
    choices: tuple[Choice, ...]
    hours: tuple[Window, ...]
    stock: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A category with its dishes. `popularity` is its weight in demo orders; every order has at
    least one dish of a category that `is_main`."""

    slug: str
    name: str
    description: str
    hours: tuple[Window, ...]
    dishes: tuple[Dish, ...]
    popularity: int
    is_main: bool
