"""Restaurants for the demo to move into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dinerapp.demo import coupons, menu
from dinerapp.demo.book import Book
from dinerapp.demo.house import House
from dinerapp.demo.rush import Rush
from dinerapp.demo.week import SCOPE
from dinerapp.ordering.container import OrderingServices
from dinerapp.runtime.container import Application
from dinerapp.runtime.seeding import demo_house, patient
from dinerapp.runtime.settings import Settings
from dinerapp.runtime.testing import memory_stores
from dinerapp.runtime.wiring import build

DAYS, GUESTS = 7, 40
SATURDAY_EVENING = datetime(2036, 5, 3, 19, 30, tzinfo=UTC)


@contextmanager
def in_memory(**settings: Any) -> Iterator[Application]:
    """A diner over two stores in memory, connected."""
    own = Settings(**{"secret_key": "for tests", "log_level": "error", **settings})
    diner = build(patient(own), memory_stores())
    diner.supervisor.start()
    try:
        yield diner
    finally:
        diner.supervisor.stop()


def furnished(now: datetime, **settings: Any) -> House:
    """One with the demo menu and its coupons."""
    with in_memory(**settings) as diner:
        menu.seed(diner.of(OrderingServices).menu, diner.of(OrderingServices).categories)
        return demo_house(
            diner, [one.record for one in coupons.seed(diner.of(OrderingServices).coupons, now)]
        )


def book_of(house: House, now: datetime, **options: Any) -> Book:
    """The week's orders there."""
    return Book(SCOPE, house, Rush(house.calendar, now, DAYS), GUESTS, **options)
