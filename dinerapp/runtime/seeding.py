"""Demo data, put together from what the diner knows: its menu, hours, rates and databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dinerapp.demo import coupons, large, menu, tables
from dinerapp.demo.progress import ProgressCallback, ignore_progress
from dinerapp.demo.restaurant import Restaurant
from dinerapp.demo.week import WeekSeeder
from dinerapp.ordering.container import OrderingServices
from dinerapp.ordering.domain.coupons import Coupon
from dinerapp.ordering.ports.orders import Orders
from dinerapp.ordering.ports.tills import Tills
from dinerapp.replication.record import utc_now
from dinerapp.reservations.service import ReservationService
from dinerapp.runtime.administration import await_catching_up, require_all_up
from dinerapp.runtime.container import Application
from dinerapp.runtime.settings import Settings

CALL_SECONDS = 5.0
"""Seconds that a call of a store may take: no guest is waiting, and a slow store is not away."""


def with_long_deadlines(settings: Settings) -> Settings:
    """The settings to connect with for what is done here."""
    return replace(
        settings, attempt_deadline=CALL_SECONDS, slow_call=CALL_SECONDS, relay_in_workers=False
    )


@dataclass(frozen=True, slots=True)
class SeedResult:
    """How much was not there before."""

    items: int
    orders: int
    coupons: int = 0


def seed_week(
    application: Application,
    progress: ProgressCallback = ignore_progress,
    now: datetime | None = None,
) -> SeedResult:
    """The demo menu, its tables and coupons, and the week of orders before now; either database may
    be away."""
    now = now or utc_now()
    ordering = application.of(OrderingServices)
    dishes = menu.seed(ordering.menu, ordering.categories)
    tables.seed(application.of(ReservationService))
    offers = coupons.seed(ordering.coupons, now)
    orders = application.repository(Orders)
    tills = application.repository(Tills)
    house = demo_restaurant(application, [offer.record for offer in offers])
    added = WeekSeeder(house, orders, tills, ordering.till).seed(now, progress)
    return SeedResult(dishes, added, sum(offer.changed for offer in offers))


def demo_restaurant(application: Application, offers: Sequence[Coupon] = ()) -> Restaurant:
    """Where what is left of the demo menu is served, as it is by now."""
    ordering = application.of(OrderingServices)
    by_id = {item.id: item for item in ordering.menu.all() if item.available}
    served = {key: course for key, course in menu.courses_by_item_id().items() if key in by_id}
    return Restaurant(
        menu={key: by_id[key] for key in served},
        categories={category.id: category for category in ordering.categories.all()},
        calendar=application.settings.calendar,
        rates=application.settings.rates,
        currency=application.settings.currency,
        coupons=offers,
        popularity={key: course.popularity / len(course.dishes) for key, course in served.items()},
        main_item_ids=frozenset(key for key, course in served.items() if course.is_main),
    )


def seed_large(
    application: Application,
    progress: ProgressCallback,
    items: int = large.ITEM_COUNT,
    orders: int = large.ORDER_COUNT,
) -> SeedResult:
    """A menu and orders for load tests, into every database that is configured."""
    await_catching_up(application)
    require_all_up(application)
    now, settings = utc_now(), application.settings
    made = large.LargeMenu(items, now)
    new_items = large.seed_menu(
        made, application.bulk_loaders["categories"], application.bulk_loaders["menu_items"]
    )
    house = made.restaurant(settings.calendar, settings.rates, settings.currency)
    new_orders = large.seed_orders(house, application.bulk_loaders["orders"], now, progress, orders)
    large.announce_menu_changed(made)
    return SeedResult(new_items, new_orders)
