"""Seeds demo data that fits the settings: menu, opening hours, tax rates and databases."""

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
"""The timeout of store calls: nobody is waiting, and a slow store must not count as down."""


def with_long_deadlines(settings: Settings) -> Settings:
    """The settings to seed with."""
    return replace(
        settings, attempt_deadline=CALL_SECONDS, slow_call=CALL_SECONDS, relay_in_workers=False
    )


@dataclass(frozen=True, slots=True)
class SeedResult:
    """How much was added."""

    items: int
    orders: int
    coupons: int = 0


def seed_week(
    application: Application,
    progress: ProgressCallback = ignore_progress,
    now: datetime | None = None,
) -> SeedResult:
    """Adds the demo menu, tables, coupons, and a week of orders up to now; one database may be
    down."""
    now = now or utc_now()
    ordering = application.of(OrderingServices)
    dishes = menu.seed(ordering.menu, ordering.categories)
    tables.seed(application.of(ReservationService))
    seeded_coupons = coupons.seed(ordering.coupons, now)
    orders = application.repository(Orders)
    tills = application.repository(Tills)
    restaurant = demo_restaurant(application, [it.record for it in seeded_coupons])
    added = WeekSeeder(restaurant, orders, tills, ordering.till).seed(now, progress)
    return SeedResult(dishes, added, sum(it.changed for it in seeded_coupons))


def demo_restaurant(application: Application, demo_coupons: Sequence[Coupon] = ()) -> Restaurant:
    """The restaurant of the demo orders: the demo dishes that are still on the menu."""
    ordering = application.of(OrderingServices)
    by_id = {item.id: item for item in ordering.menu.all() if item.available}
    served = {key: course for key, course in menu.courses_by_item_id().items() if key in by_id}
    return Restaurant(
        menu={key: by_id[key] for key in served},
        categories={category.id: category for category in ordering.categories.all()},
        calendar=application.settings.calendar,
        rates=application.settings.rates,
        currency=application.settings.currency,
        coupons=demo_coupons,
        popularity={key: course.popularity / len(course.dishes) for key, course in served.items()},
        main_item_ids=frozenset(key for key, course in served.items() if course.is_main),
    )


def seed_large(
    application: Application,
    progress: ProgressCallback,
    items: int = large.ITEM_COUNT,
    orders: int = large.ORDER_COUNT,
) -> SeedResult:
    """Adds a menu and orders for load tests to every configured database."""
    await_catching_up(application)
    require_all_up(application)
    now, settings = utc_now(), application.settings
    large_menu, loaders = large.LargeMenu(items, now), application.bulk_loaders
    new_items = large.seed_menu(large_menu, loaders["categories"], loaders["menu_items"])
    restaurant = large_menu.restaurant(settings.calendar, settings.rates, settings.currency)
    new_orders = large.seed_orders(restaurant, loaders["orders"], now, progress, orders)
    large.announce_menu_changed(large_menu)
    return SeedResult(new_items, new_orders)
