"""A restaurant as demo guests see it: what it serves, and what they order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from random import Random

from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.domain.hours import Calendar
from dinerapp.ordering.domain.menu import Category, MenuItem, OptionGroup, Serving
from dinerapp.ordering.domain.pricing import LineRequest, Rates

_MAX_DRAWS = 30
_LINE_COUNT_WEIGHTS = {1: 15, 2: 27, 3: 25, 4: 18, 5: 10, 6: 5}
_QUANTITY_WEIGHTS = {1: 75, 2: 21, 3: 4}
_NOTES = ("no onions", "extra spicy", "sauce aside, please", "for the birthday child", "no ice")


@dataclass(frozen=True, kw_only=True)
class Restaurant:
    """`popularity` is the weight of items in demo orders, by item id. Every order has one of
    `main_item_ids`, if there are any."""

    menu: Mapping[str, MenuItem]
    categories: Mapping[str, Category]
    calendar: Calendar
    rates: Rates
    currency: str
    coupons: Sequence[Coupon] = ()
    popularity: Mapping[str, float] = field(default_factory=dict)
    main_item_ids: frozenset[str] = frozenset()

    def serving(self, moment: datetime) -> Serving:
        """What is served at the moment."""
        return Serving(moment=moment, calendar=self.calendar, categories=self.categories)

    def basket(self, rng: Random, serving: Serving) -> tuple[LineRequest, ...]:
        """The items that one party orders: no item twice, and only what is being served."""
        size = _weighted_choice(rng, _LINE_COUNT_WEIGHTS)
        chosen: dict[str, MenuItem] = {}
        for _ in range(_MAX_DRAWS):
            if len(chosen) == size:
                break
            item = (self._all if chosen else self._main).draw(rng)
            if serving.serves(item):
                chosen[item.id] = item
        return tuple(_line_request(rng, item) for item in chosen.values())

    @cached_property
    def _all(self) -> _WeightedItems:
        return _WeightedItems([*self.menu.values()], self.popularity)

    @cached_property
    def _main(self) -> _WeightedItems:
        main = [item for item in self.menu.values() if item.id in self.main_item_ids]
        return _WeightedItems(main, self.popularity) if main else self._all


class _WeightedItems:
    """Draws random items by weight."""

    def __init__(self, items: Sequence[MenuItem], popularity: Mapping[str, float]) -> None:
        self._items = items
        self._weights = list(accumulate(popularity.get(item.id, 1.0) for item in items))

    def draw(self, rng: Random) -> MenuItem:
        return rng.choices(self._items, cum_weights=self._weights)[0]


def _line_request(rng: Random, item: MenuItem) -> LineRequest:
    return LineRequest(
        item_id=item.id,
        quantity=_weighted_choice(rng, _QUANTITY_WEIGHTS),
        options=tuple(key for group in item.option_groups for key in _choose_options(rng, group)),
        notes=rng.choice(_NOTES) if rng.random() < 0.06 else None,
    )


def _choose_options(rng: Random, group: OptionGroup) -> list[str]:
    number = group.min if rng.random() < 0.6 else rng.randint(group.min, group.max)
    return [option.id for option in rng.sample(group.options, number)]


def _weighted_choice(rng: Random, weights: Mapping[int, int]) -> int:
    return rng.choices([*weights], [*weights.values()])[0]
