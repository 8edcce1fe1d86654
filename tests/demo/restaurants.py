"""Restaurants for the demo to move into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dinerapp.demo import coupons, menu
from dinerapp.demo.arrivals import Arrivals
from dinerapp.demo.order_generator import OrderGenerator
from dinerapp.demo.restaurant import Restaurant
from dinerapp.demo.week import SCOPE
from dinerapp.ordering.container import OrderingServices
from dinerapp.runtime.container import Application
from dinerapp.runtime.seeding import demo_restaurant, with_long_deadlines
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores
from dinerapp.runtime.wiring import build

DAYS, GUESTS = 7, 40
SATURDAY_EVENING = datetime(2036, 5, 3, 19, 30, tzinfo=UTC)


@contextmanager
def memory_services(**settings: Any) -> Iterator[Application]:
    """A diner over two stores in memory, connected."""
    own = Settings(**{"secret_key": "for tests", "log_level": "error", **settings})
    diner = build(with_long_deadlines(own), memory_stores())
    diner.supervisor.start()
    try:
        yield diner
    finally:
        diner.supervisor.stop()


def seeded_services(now: datetime, **settings: Any) -> Restaurant:
    """One with the demo menu and its coupons."""
    with memory_services(**settings) as diner:
        menu.seed(diner.of(OrderingServices).menu, diner.of(OrderingServices).categories)
        return demo_restaurant(
            diner, [one.record for one in coupons.seed(diner.of(OrderingServices).coupons, now)]
        )


def order_generator(house: Restaurant, now: datetime, **options: Any) -> OrderGenerator:
    """The week's orders there."""
    return OrderGenerator(SCOPE, house, Arrivals(house.calendar, now, DAYS), GUESTS, **options)
