"""What the restaurant sells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dinerapp.domain.kind import Kind
from dinerapp.domain.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice within a group; `price` is added to the item's, in minor units."""

    id: str
    name: str
    price: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionGroup:
    """Options of which a guest takes at least `min` and at most `max`."""

    id: str
    name: str
    min: int = 0
    max: int = 1
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem(Record):
    """A dish or drink.

    `stock_limit` counts from the beginning of time: it is what orders may have taken in all, so
    what is left is the limit less what orders hold. None means nobody counts.
    """

    slug: str
    name: str
    description: str = ""
    category: str
    position: int = 0
    price: int
    tax_rate: int | None = None
    dietary: tuple[str, ...] = ()
    allergens: tuple[str, ...] = ()
    option_groups: tuple[OptionGroup, ...] = ()
    available: bool = True
    stock_limit: int | None = None


def stock_key(item_id: str) -> str:
    """The counter of an item's stock."""
    return f"stock:{item_id}"


def _ceilings(item: MenuItem) -> Mapping[str, int | None]:
    return {stock_key(item.id): None if item.deleted else item.stock_limit}


MENU_ITEMS = Kind("menu_items", MenuItem, unique=("slug",), ceilings=_ceilings)
